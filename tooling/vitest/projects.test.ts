import { expect, it } from "vitest";
import { alone, browser, otherBrowser, page, programs, unit, wasm, webgpu } from "./projects.ts";

it("gives the projects of a group one number of workers, on any number of cores: vitest runs nothing otherwise", () => {
  const all = [
    unit(),
    alone(),
    programs(),
    wasm(),
    webgpu(),
    browser(),
    page(),
    otherBrowser("webkit"),
    otherBrowser("firefox"),
  ];
  const groups = new Map<number, Set<number | string | undefined>>();
  for (const { test } of all) {
    if (test?.include?.length === 0) continue; // not on this machine
    const group = test?.sequence?.groupOrder ?? 0;
    groups.set(group, (groups.get(group) ?? new Set()).add(test?.maxWorkers));
  }
  expect(groups.size).toBeGreaterThan(0);
  for (const workers of groups.values()) expect([...workers]).toEqual([expect.any(Number)]);
});

import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { planRun } from "./plan.ts";

const cpu = { backend: "wasm", software: false } as const;
const gpu = { backend: "webgpu", software: false } as const;

test("defaults leave the size of the model to the device", () => {
  const options = parseOptions([]) as Options;
  expect(options).toMatchObject({ tiles: 16_384, slides: 32, large: 100_000, effort: 1, context: "slide" });
  expect(planRun(cpu, options).model).toMatchObject({ dim: 32, heads: 4, layers: 2 });
  expect(planRun(gpu, options).model.dim).toBe(64);
  expect(planRun({ ...gpu, software: true }, options).model.dim).toBe(32);
  expect(parseOptions(["--help"])).toBe("help");
  expect(USAGE).toContain("npm run example -- slide");
});

test("stages grow to the size asked for, and effort scales them", () => {
  const stages = (...args: string[]) => planRun(cpu, parseOptions(args) as Options).stages;
  expect(stages().map(({ tiles }) => tiles)).toEqual([256, 1024, 4096, 16_384]);
  expect(stages("--tiles", "2000").map(({ tiles }) => tiles)).toEqual([256, 1024, 2000]);
  expect(stages("--tiles", "64").map(({ tiles }) => tiles)).toEqual([64]);
  expect(stages("--tiles", "30000").map(({ tiles }) => tiles)).toEqual([256, 1024, 4096, 16_384, 30_000]);
  expect(stages("--effort", "0.5")[0]?.steps).toBe((stages()[0]?.steps ?? 0) / 2);
  expect(stages("--effort", "0.0001").every(({ steps }) => steps === 1)).toBe(true);
});

test("context tile lets a tile see itself only", () => {
  const options = parseOptions(["--context", "tile"]) as Options;
  expect(planRun(cpu, options).model.branches).toEqual([{ segment: 1, dilation: 1 }]);
});

test("names every bad value at once", () => {
  expect(() => parseOptions(["--tiles", "10", "--slides", "3", "--effort", "0", "--context", "all"])).toThrow(
    /--tiles 10.*--slides 3.*--effort 0.*--context all/s,
  );
  expect(() => parseOptions(["--large", "5"])).toThrow(/--large 5.*--large 64/s);
  expect(() => parseOptions(["--large", "300000"])).toThrow(ConfigError);
  expect(parseOptions(["--large", "0"])).toMatchObject({ large: 0 });
});

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDevice } from "@dilated/core";
import { expect, it } from "vitest";
import { publicNames } from "../options/test-utils/public-names.ts";
import { callsByPackage } from "./test-utils/calls.ts";
import { EXEMPT } from "./test-utils/exempt.ts";

it("every public function is called wrongly, or says why not", async () => {
  using device = await openDevice({ backend: "wasm", threads: 1 });
  const folder = mkdtempSync(join(tmpdir(), "misuse-"));
  const called = new Set<string>();
  for (const callsOf of Object.values(callsByPackage))
    for (const { name } of await callsOf(device, folder)) called.add(name);
  const names = publicNames();
  expect(names.filter((name) => !called.has(name) && !(name in EXEMPT))).toEqual([]);
  // Nothing stays exempt that is called, or that there no longer is.
  expect(Object.keys(EXEMPT).filter((name) => called.has(name) || !names.includes(name))).toEqual([]);
});

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as core from "@dilated/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Calls, callsOf } from "./test-utils/calls.ts";
import { publicNames } from "./test-utils/public-names.ts";

// Every public function, with a call of each of its options objects: a function that is exported without a row here fails the first test, and one that does not look at
// its options fails the second.

let device: core.Device;
let calls: Calls;
beforeAll(async () => {
  device = await core.openDevice({ backend: "wasm", threads: 1 });
  calls = callsOf(device, await mkdtemp(join(tmpdir(), "options-")));
});
afterAll(() => device.dispose());

it("every public function is in the table", () => {
  const names = publicNames();
  expect(names.filter((name) => !(name in calls))).toEqual([]);
  expect(Object.keys(calls).filter((name) => !names.includes(name))).toEqual([]);
});

it("every options object refuses what it does not know, and names what is nearest", async () => {
  const wrong: string[] = [];
  for (const [name, rows] of Object.entries(calls)) {
    for (const [i, { key, call, skipValid = false }] of rows.entries()) {
      const at = `${name}, ${i}`;
      if (!skipValid) await (async () => call({}))().catch((error) => wrong.push(`${at}: refused: ${error}`));
      const unknown = `${key}_`;
      const error: unknown = await (async () => call({ [unknown]: 1 }))().catch((thrown: unknown) => thrown);
      const message = core.DilatedError.is(error) && error.code === "CONFIG" ? error.message : `accepted: ${error}`;
      if (!message.includes(`${unknown}: unknown; nearest: ${key}`)) wrong.push(`${at}: ${message}`);
    }
  }
  expect(wrong).toEqual([]);
});

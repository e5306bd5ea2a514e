import { mkdtempSync, openSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDevice } from "@dilated/core";
import { sum } from "@dilated/kernels";
import { expect, test } from "vitest";
import { callsByPackage } from "./test-utils/calls.ts";
import { inShort, misuse, type Outcome, type ValidCall } from "./test-utils/fuzz.ts";
import { wrongValues } from "./test-utils/values.ts";

// Each argument and each option of every public function, replaced by what it cannot be: nothing but typed errors that name function and argument, no trap, nothing
// left in memory. DILATED_MISUSE_LOG names a folder that gets each call before it is made, so that a hang shows which it was.

/** Kept for the next call, a bounded number of them. */
const TABLES = /^(attention plan|frequencies)$/;
/** To await what a function of the caller's returned throws what that throws. */
const OWN = /^train\((batch|evaluate) = Proxy\)/;
const folder = process.env.DILATED_MISUSE_LOG;
const log = folder === undefined ? undefined : openSync(`${folder}/last`, "w");

test.each(Object.entries(callsByPackage))("wrong calls of %s", { timeout: 120_000 }, async (name, callsOf) => {
  using device = await openDevice({ backend: "wasm", threads: 1 });
  using other = await openDevice({ backend: "wasm", threads: 1 });
  const home = mkdtempSync(join(tmpdir(), "misuse-"));
  const values = wrongValues(device, other, home);
  const calls: readonly ValidCall[] = await callsOf(device, home);
  // Tables are made once; some calls are right in the kinds of their arguments alone.
  for (const { call, args } of calls) await (async () => call(...(args as never[])))().catch(() => undefined);
  const ones = device.full([8], 1);
  const problems: string[] = [];
  const accepted: string[] = [];
  let count = 0;
  for (const valid of calls) {
    const before = device.stats();
    const outcome: Outcome = await misuse(
      valid,
      values,
      (at) => log !== undefined && writeSync(log, `${at.padEnd(120)}\n`, 0),
    );
    const after = device.stats();
    count += outcome.calls;
    const raw = outcome.raw.filter((line) => !OWN.test(line));
    problems.push(...raw.map((line) => `raw: ${line}`), ...outcome.unnamed.map((line) => `unnamed: ${line}`));
    const left = Object.keys(after.byLabel).filter((label) => after.byLabel[label] !== before.byLabel[label]);
    const leaked = left.filter((label) => !TABLES.test(label));
    if (leaked.length > 0) problems.push(`${valid.name}: leaves ${leaked.join(", ")}`);
    for (const [at, list] of outcome.accepted) accepted.push(`${valid.name} ${at}: ${inShort(list, values)}`);
    using total = sum(ones);
    if ((await total.item()) !== 8) problems.push(`${valid.name}: the device is broken`);
  }
  if (folder) writeFileSync(`${folder}/${name}`, `${count}\n${problems.join("\n")}\n---\n${accepted.join("\n")}\n`);
  expect(problems).toEqual([]);
  await expect(`${accepted.join("\n")}\n`).toMatchFileSnapshot(`./accepted/${name}.txt`);
});

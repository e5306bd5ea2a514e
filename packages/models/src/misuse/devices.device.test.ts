import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Device, DilatedError, isPlain, Tensor } from "@dilated/core";
import { sum } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { expect, inject, test } from "vitest";
import { callsByPackage } from "./test-utils/calls.ts";
import { misuse, type ValidCall } from "./test-utils/fuzz.ts";
import { wrongValues } from "./test-utils/values.ts";

// Two devices of one kind: each tensor of each call of the misuse test comes from the other one, one at a time. On
// WebGPU a part of the wrong calls of that test as well: what is refused on the host never gets there, but what is
// accepted does.

/** Files take no tensors beside others; on lavapipe, what compiles few kernels. */
const PACKAGES = inject("backend") === "wasm" ? ["core", "kernels", "models", "training"] : ["core", "kernels"];
const home = () => mkdtempSync(join(tmpdir(), "misuse-"));

type Path = readonly (string | number)[];

/** Where in `value` there are tensors. */
function* tensorsIn(value: unknown, path: Path = []): Generator<readonly [Path, Tensor]> {
  if (value instanceof Tensor) yield [path, value];
  else if (Array.isArray(value) && value.length < 100)
    for (const [i, item] of value.entries()) yield* tensorsIn(item, [...path, i]);
  else if (isPlain(value)) for (const [key, item] of Object.entries(value)) yield* tensorsIn(item, [...path, key]);
}

function withAt(value: unknown, [key, ...rest]: Path, replacement: unknown): unknown {
  if (key === undefined) return replacement;
  if (Array.isArray(value)) return value.map((item, i) => (i === key ? withAt(item, rest, replacement) : item));
  const of = value as Readonly<Record<string, unknown>>;
  return { ...of, [key]: withAt(of[key], rest, replacement) };
}

/** A tensor that is alone in its call says where that belongs, unless something else does. */
const hasHome = ({ args, name }: ValidCall) => /^[A-Z]\w*\./.test(name) || args.some((arg) => arg instanceof Device);

const open = () => Promise.all([openTestDevice({ threads: 1 }), openTestDevice({ threads: 1 })]);

async function checkWorks(device: Device): Promise<void> {
  using ones = device.full([8], 1);
  using total = sum(ones);
  expect(await total.item()).toBe(8);
}

test.each(PACKAGES)("each tensor of the calls of %s from another device of its kind", async (name) => {
  const [here, there] = await open();
  using device = here;
  using other = there;
  // To free is right wherever a tensor is, and what a log makes of a report has none.
  const calls = ((await callsByPackage[name]?.(device, home())) ?? []).filter(
    ({ name: called }) => !/^(disposeTraining|metricsOf|openMetrics)/.test(called),
  );
  const accepted: string[] = [];
  let count = 0;
  for (const valid of calls) {
    const all = [...tensorsIn(valid.args)];
    if (all.length === 0 || (all.length === 1 && !hasHome(valid))) continue;
    for (const [path, { shape, dtype }] of all) {
      using twin = other.full(shape, 1, { dtype });
      const args = withAt(valid.args, path, twin) as never[];
      const outcome = await (async () => valid.call(...args))().catch((thrown: unknown) => thrown);
      const where = `${valid.name}(${[valid.names[path[0] as number], ...path.slice(1)].join(".")})`;
      count++;
      if (!DilatedError.is(outcome)) accepted.push(`${where}: ${String(outcome)}`);
      // What holds several tensors may be known by identity, and is then refused for being another.
      else if (outcome.code !== "DEVICE" && !/must be (a cache made by|what openDecoder gave)/.test(outcome.message))
        accepted.push(`${where}: ${outcome.message.split("\n")[0]}`);
    }
  }
  expect(accepted).toEqual([]);
  expect(count).toBeGreaterThan(0);
  for (const one of [device, other]) await checkWorks(one);
});

/** What may get past the host. */
const FEW = /tensor|scalar|^(NaN|Infinity|-1|2\^31|2\^53|\[\]|true|undefined)$/;

test.runIf(inject("backend") === "webgpu").each(PACKAGES)("wrong calls of %s lose no device", async (name) => {
  const [here, there] = await open();
  using device = here;
  using other = there;
  const all = wrongValues(device, other, home());
  const values = Object.fromEntries(Object.entries(all).filter(([value]) => FEW.test(value)));
  const problems: string[] = [];
  let count = 0;
  for (const valid of (await callsByPackage[name]?.(device, home())) ?? []) {
    const { raw, unnamed, calls } = await misuse(valid, values, () => {});
    problems.push(...raw, ...unnamed);
    count += calls;
    await checkWorks(device).catch((error: unknown) => problems.push(`after ${valid.name}: ${String(error)}`));
  }
  expect(problems).toEqual([]);
  expect(count).toBeGreaterThan(1000);
});

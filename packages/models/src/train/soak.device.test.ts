import { openTestDevice } from "@dilated-internal/testing";
import { residentBytes } from "@dilated-internal/testing/resident-bytes";
import { expect, inject, test } from "vitest";
import { createLongNetLM } from "../longnet-lm/model.ts";
import { byteBatches } from "../text/token-batches.ts";
import { adamW } from "./optimizer.ts";
import { train } from "./train.ts";

const WARM_UP = 100;
const STAGING = 1024; // a small upload may wait for the queue to pass its block and take another one meanwhile
const SLACK = 48 * 2 ** 20; // what V8 and the adapter's compiler do late

const everything = { accumulate: 2, precision: "mixed", ema: 0.9, lossScale: { interval: 50 } } as const;

test.each([
  // On WebAssembly 2,000 run in a process of their own: see node/processes.test.ts.
  ...(inject("backend") === "wasm" ? [] : [["plain", 300, {}] as const]),
  ["everything on", 150, everything] as const,
])("%s: %i steps at constant memory", async (_name, steps, options) => {
  using device = await openTestDevice();
  const branches = [
    { segment: 8, dilation: 1 },
    { segment: 32, dilation: 2 },
  ];
  using model = createLongNetLM(device, { dim: 8, layers: 1, heads: 2, hidden: 16, branches }, { seed: 1 });
  const batches = byteBatches(new TextEncoder().encode("call me ishmael. ".repeat(20)), { seq: 32 });
  const held: number[] = [];
  const resident: number[] = [];
  const measure = await residentBytes();
  for await (const step of train(model, batches, { optimizer: adamW({ lr: 3e-3 }), steps, ...options })) {
    if (step.step < WARM_UP) continue;
    const { live, pooled } = device.stats();
    held.push(live + pooled);
    if (measure && step.step % 10 === 0) resident.push(measure());
  }
  expect(held.length).toBe(steps - WARM_UP + 1);
  expect(Math.max(...held)).toBeLessThan((held[0] as number) + STAGING);
  const late = resident.slice(-3);
  const early = resident.slice(0, 3);
  if (late.length > 0) expect(Math.min(...late)).toBeLessThan(Math.min(...early) + SLACK);
});

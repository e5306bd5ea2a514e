import { type Device, DISPOSE, type Tensor } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LongNetOptions } from "../longnet/longnet.config.ts";
import { createLongNet, type LongNet } from "../longnet/longnet.ts";
import { decodeStep } from "./decoder.ts";
import { memoryBytes, openTargetDecoder } from "./target-decoder.ts";

const branches = [
  { segment: 8, dilation: 1 },
  { segment: 24, dilation: 2 },
];
const stack = { dim: 16, layers: 2, heads: 2, hidden: 16, branches } as const;
const V = 11;

const cases: readonly (readonly [name: string, options: LongNetOptions])[] = [
  [
    "xPos, vocabularies of their own",
    { encoder: { ...stack, position: "xpos", vocab: 7 }, decoder: { ...stack, position: "xpos", vocab: V } },
  ],
  [
    "learned positions, grouped heads, one embedding, an encoder of another depth",
    {
      encoder: { ...stack, layers: 1, position: "learned", maxPositions: 30 },
      decoder: { ...stack, kvHeads: 1, position: "learned", maxPositions: 40, vocab: V },
      sharedEmbedding: true,
    },
  ],
  [
    "deep norm, RoPE and sinusoids, untied, checkpointing",
    {
      encoder: { ...stack, norm: "deep", position: "rope" },
      decoder: { ...stack, norm: "deep", position: "sinusoid", tied: false, checkpointing: true, vocab: V },
    },
  ],
];

/** Of several lengths, two neighbours alike; shorter and longer than the target. */
const lengths = [5, 29, 29, 1];
const sources = lengths.map((M, b) => Array.from({ length: M }, (_, i) => (i * i + 3 * b + i) % 7));
const targets = lengths.map((_, b) => Array.from({ length: 30 }, (_, i) => (i * i * (b + 1) + i + b) % V));

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

/** Logits [B, N, V] of the full forward pass over padded sources. */
async function fullLogits(model: LongNet): Promise<Float32Array> {
  const M = Math.max(...lengths);
  const padded = sources.flatMap((source) => Array.from({ length: M }, (_, i) => source[i] ?? 0));
  const sourceMask = lengths.flatMap((length) => Array.from({ length: M }, (_, i) => i < length));
  const ids = (values: number[]) =>
    device.tensor(values, [lengths.length, values.length / lengths.length], { dtype: "i32" });
  using logits = device.scope(() => model.forward(ids(padded), ids(targets.flat()), { sourceMask }));
  return (await logits.data()) as Float32Array;
}

async function largestDifference(model: LongNet, cacheDtype: "f32" | "f16"): Promise<number> {
  const full = await fullLogits(model);
  const decoder = openTargetDecoder(model, sources, { cacheDtype });
  const N = targets[0]?.length ?? 0;
  const rows: Tensor[] = Array.from({ length: N }, (_, n) =>
    decodeStep(
      decoder,
      targets.map((target) => target[n]),
    ),
  );
  let most = 0;
  for (const [n, row] of rows.entries()) {
    const values = await row.data();
    for (const [b] of sources.entries())
      for (let v = 0; v < V; v++) {
        const difference = Math.abs((values[b * V + v] as number) - (full[(b * N + n) * V + v] as number));
        most = Math.max(most, difference); // NaN, too
      }
    row.dispose();
  }
  decoder[DISPOSE]();
  return most;
}

describe("logits of each step are those of the full forward pass over padded sources", () => {
  test.each(cases)("%s", async (_name, options) => {
    using model = createLongNet(device, options, { seed: 2 });
    expect(await largestDifference(model, "f32")).toBeLessThan(1e-4);
  });

  test("a memory in half precision comes close", async () => {
    using model = createLongNet(device, cases[0]?.[1] as LongNetOptions, { seed: 2 });
    expect(await largestDifference(model, "f16")).toBeLessThan(2e-2);
  });
});

test("memory is what the memory's formula says, does not grow with the target, and is freed", async () => {
  using model = createLongNet(device, cases[0]?.[1] as LongNetOptions, { seed: 2 });
  const { layers } = model.config.decoder;
  openTargetDecoder(model, sources, {})[DISPOSE](); // tables of the device
  const live = device.stats().live;
  const decoder = openTargetDecoder(model, sources, { length: 24 });
  const { memory } = decoder;
  const own = [memory.positions, memory.table, ...memory.layers.flatMap(({ keys, values }) => [keys, values])];
  const rounded = own.reduce((sum, { size }) => sum + Math.max(16, Math.ceil(size / 4) * 16), 0);
  expect(memoryBytes(model.config.decoder, Math.max(...lengths), { B: sources.length, layers })).toBe(rounded);
  decodeStep(decoder, [1, 2, 3, 4]).dispose();
  const held = device.stats().live;
  for (let n = 0; n < 20; n++) decodeStep(decoder, [1, 2, undefined, 4]).dispose();
  expect(device.stats().live).toBe(held);
  decoder[DISPOSE]();
  expect(device.stats().live).toBe(live);
});

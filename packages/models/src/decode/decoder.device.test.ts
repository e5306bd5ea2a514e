import type { Device, Tensor } from "@dilated/core";
import { openTestDevice, shareOf } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LongNetLMOptions } from "../longnet-lm/config.ts";
import { createLongNetLM, type LongNetLM } from "../longnet-lm/model.ts";
import { decodeCacheBytes } from "./cache-plan.ts";
import { decodeStep, openDecoder, prefill } from "./decoder.ts";

const V = 13;
const ladder = (...pairs: readonly (readonly [number, number])[]) =>
  pairs.map(([segment, dilation]) => ({ segment, dilation }));
const base = { vocab: V, dim: 32, layers: 2, heads: 4, hidden: 32, branches: ladder([8, 1], [24, 2]) };

/** Models whose cache must give what a full forward pass gives, and how many tokens to look at: over 3 w_max. */
const cases: readonly (readonly [name: string, options: LongNetLMOptions, N: number])[] = [
  ["xPos, nested ladder", base, 74],
  ["xPos that decays fast", { ...base, xposScaleBase: 16 }, 74],
  [
    "segments that do not nest, dilations that do not divide",
    { ...base, branches: ladder([7, 1], [10, 3], [20, 4]) },
    62,
  ],
  ["heads that are no multiple of the dilation", { ...base, dim: 24, heads: 3, branches: ladder([8, 2], [24, 4]) }, 74],
  ["grouped heads, RoPE, block offsets", { ...base, kvHeads: 2, position: "rope", headOffset: "block" }, 74],
  ["learned positions", { ...base, position: "learned", maxPositions: 80 }, 74],
  [
    "sinusoid positions, deep norm, zero padding",
    { ...base, position: "sinusoid", norm: "deep", remainder: "zeroPad" },
    74,
  ],
  ["no positions, gated feed-forward, untied", { ...base, position: "none", activation: "swiglu", tied: false }, 74],
];

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

const textOf = (N: number, seed: number) => Array.from({ length: N }, (_, i) => (i * i * seed + i + seed) % V);
const difference = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] ?? Number.NaN))), 0);

async function fullLogits(model: LongNetLM, text: readonly number[]): Promise<Float32Array> {
  using logits = device.scope(() => model.forward(device.tensor(text, [1, text.length], { dtype: "i32" })));
  return (await logits.data()) as Float32Array;
}

/** Largest difference between the cache's logits and those of the full pass, over texts whose prompts have the given lengths. */
async function compare(
  model: LongNetLM,
  N: number,
  prompts: readonly number[],
  cacheDtype: "f32" | "f16" = "f32",
): Promise<number> {
  const texts = prompts.map((_, b) => textOf(N, b + 1));
  const full = await Promise.all(texts.map((text) => fullLogits(model, text)));
  const steps = N - Math.max(...prompts);
  using decoder = openDecoder(model, prompts.length, { cacheDtype });
  const rows: Tensor[] = [
    prefill(
      decoder,
      texts.map((text, b) => text.slice(0, prompts[b])),
    ),
  ];
  for (let step = 0; step < steps; step++) {
    rows.push(
      decodeStep(
        decoder,
        texts.map((text, b) => text[(prompts[b] ?? 0) + step]),
      ),
    );
  }
  let most = 0;
  for (const [step, row] of rows.entries()) {
    const values = await row.data();
    for (const [b, prompt] of prompts.entries()) {
      const at = (prompt + step - 1) * V;
      most = Math.max(most, difference(values.subarray(b * V, (b + 1) * V), full[b]?.subarray(at, at + V) ?? []));
    }
    row.dispose();
  }
  return most;
}

describe("logits from the cache are those of the full forward pass at every position", () => {
  test.each(shareOf(cases))("%s", async (_name, options, N) => {
    using model = createLongNetLM(device, options, { seed: 2 });
    expect(await compare(model, N, [1])).toBeLessThan(1e-4);
  });

  test("a batch of prompts of several lengths, over segment boundaries", async () => {
    using model = createLongNetLM(device, base, { seed: 3 });
    expect(await compare(model, 76, [24, 5, 5, 49])).toBeLessThan(1e-4);
  });

  test("a cache in half precision comes close", async () => {
    using model = createLongNetLM(device, base, { seed: 3 });
    expect(await compare(model, 60, [7], "f16")).toBeLessThan(2e-2);
  });

  test("a prompt of several segments fills the cache of the last", async () => {
    using model = createLongNetLM(device, { ...base, position: "learned", maxPositions: 200 }, { seed: 3 });
    expect(await compare(model, 110, [96])).toBeLessThan(1e-4);
    expect(await compare(model, 110, [101])).toBeLessThan(1e-4);
  });
});

test("memory is what decodeCacheBytes says, from the first token on to ten times the longest segment, and logits stay right", async () => {
  // Decays by 2^-28 a segment of 24 tokens: scaled by absolute positions, factors would overflow within the run.
  using model = createLongNetLM(device, { ...base, xposScaleBase: 1.5 }, { seed: 4 });
  const before = device.stats().live;
  using decoder = openDecoder(model, 1);
  expect(device.stats().live - before).toBe(decodeCacheBytes(model.config, 1));
  const text = textOf(250, 5);
  let last = prefill(decoder, [text.slice(0, 3)]);
  const held = device.stats().live;
  for (const token of text.slice(3)) {
    last.dispose();
    last = decodeStep(decoder, [token]);
    expect(device.stats().live).toBe(held);
  }
  // The full pass over the last segment alone: nothing before its start can be seen, and scores depend on distances only.
  const full = await fullLogits(model, text.slice(240));
  expect(difference(await last.data(), full.subarray(-V))).toBeLessThan(1e-4);
  last.dispose();
});

test("a decoder serves one batch after another", async () => {
  using model = createLongNetLM(device, base, { seed: 4 });
  using decoder = openDecoder(model, 2);
  const logits = async (): Promise<number[]> => {
    using first = prefill(decoder, [textOf(9, 2), textOf(30, 3)]);
    using second = decodeStep(decoder, [1, 2]);
    return [...(await first.data()), ...(await second.data())];
  };
  expect(await logits()).toEqual(await logits());
});

test("refuses what does not fit the decoder", () => {
  using model = createLongNetLM(device, base, { seed: 4 });
  using decoder = openDecoder(model, 2, { length: 3 });
  expect(() => prefill(decoder, [[1]])).toThrow(/continues 2 sequences/);
  expect(() => prefill(decoder, [[1], []])).toThrow(/at least one token/);
  expect(() => prefill(decoder, [[1], [V]])).toThrow(/vocabulary/);
  prefill(decoder, [[1], [1, 2]]).dispose();
  expect(() => decodeStep(decoder, [1])).toThrow(/continues 2 sequences/);
  expect(() => decodeStep(decoder, [1, -1])).toThrow(/vocabulary/);
  decodeStep(decoder, [1, 1]).dispose();
  expect(() => decodeStep(decoder, [1, 1])).toThrow(/sequence 1 has reached 3 tokens/);
  decodeStep(decoder, [1, undefined]).dispose();
});

test("the cache never holds more than Σ w/r rows a head", () => {
  const branches = ladder([2048, 1], [4096, 2], [8192, 4], [16_384, 6], [32_768, 12]);
  const config = {
    dim: 768,
    layers: 12,
    heads: 12,
    kvHeads: 12,
    branches,
    headOffset: "modulo",
    position: "none",
    xposScaleBase: 512,
  } as const;
  const rows = branches.reduce((sum, { segment, dilation }) => sum + Math.ceil(segment / dilation), 0);
  expect(decodeCacheBytes(config)).toBeLessThan(12 * 12 * rows * 64 * 2 * 4 + 4096);
});

import type { Device } from "@dilated/core";
import { LONGNET_LM_PRESETS } from "@dilated/models";
import { expect, test } from "vitest";
import { headsAtOnce } from "./head-groups.ts";
import { median } from "./measure.ts";
import { benchBranches, blockTokens, conventionalFlops } from "./patterns.ts";
import { utilisation } from "./peaks.ts";
import { stepFlops } from "./train.ts";
import { madeText, trainingText } from "./train-text.ts";

test("the published configuration, as far as it fits", () => {
  const of = (N: number): number[][] => benchBranches(N).map(({ segment, dilation }) => [segment, dilation]);
  expect(of(8_192)).toEqual([
    [2_048, 1],
    [4_096, 2],
    [8_192, 4],
  ]);
  expect(of(2 ** 20).at(-1)).toEqual([32_768, 16]);
  expect(of(256)).toEqual([[256, 1]]);
});

test("a stretch that no branch looks out of", () => {
  expect(blockTokens(2 ** 20, benchBranches(2 ** 20))).toBe(32_768);
  const uneven = [
    { segment: 6, dilation: 1 },
    { segment: 16, dilation: 2 },
  ];
  expect(blockTokens(96, uneven)).toBe(96);
});

test("operations by the convention: 75 ms at a million tokens are 170 TFLOP/s", () => {
  const flops = conventionalFlops(2 ** 20, 12, benchBranches(2 ** 20), false);
  expect(flops / 75e-3 / 1e12).toBeCloseTo(170.4, 0);
  expect(conventionalFlops(2 ** 20, 12, benchBranches(2 ** 20), true)).toBe(3.5 * flops);
});

test("heads are split only when they have to be", () => {
  const device = { limits: { maxTensorBytes: 4 * 2 ** 30 } } as Device;
  expect(headsAtOnce(device, 2 ** 20, "f16", 80e9)).toBe(12);
  expect(headsAtOnce(device, 2 ** 22, "f16", 80e9)).toBe(6); // 6.4 GB is over the largest tensor
  expect(headsAtOnce(device, 2 ** 24, "f16", 80e9)).toBe(2);
  expect(headsAtOnce(device, 2 ** 22, "f16", 8e9)).toBe(2); // four tensors within three quarters of 8 GB
});

test("a training step: 6 operations a weight and token, and the causal half of the attention", () => {
  const config = { ...LONGNET_LM_PRESETS.base, hidden: 3_072, vocab: 256 };
  const linears = 6 * (12 * (4 * 768 ** 2 + 2 * 768 * 3_072) + 256 * 768);
  const attention = 12 * 3.5 * 4 * 768 * ((2_048 + 4_096 / 4 + 8_192 / 16 + 16_384 / 36 + 32_768 / 144) / 2);
  expect(stepFlops(config, 32_768) / 32_768 / (linears + attention)).toBeCloseTo(1, 2);
});

test("utilisation is known for known cards", () => {
  expect(utilisation(98_900, "f16", "NVIDIA H100 80GB HBM3")).toBeCloseTo(0.1);
  expect(utilisation(98_900, "f16", "llvmpipe")).toBeUndefined();
});

test("the middle", () => {
  expect(median([5, 1, 9])).toBe(5);
  expect(median([])).toBeNaN();
});

test("training text: as many sequences as asked for, and a typed error for too little", async () => {
  const file = new URL(import.meta.url).pathname;
  const batches = await trainingText(file, 101, 4);
  expect(batches.map(({ length }) => length)).toEqual([101, 101, 101, 101]);
  expect(new Set(batches.map((batch) => batch.join())).size).toBe(4);
  await expect(trainingText(file, 1e7, 1)).rejects.toThrow(/--text/);
  const made = await trainingText(undefined, 32_769, 12);
  expect(new Set(made.map((batch) => batch.join())).size).toBe(12);
  expect(new TextDecoder().decode(madeText(60))).toBe(
    new TextDecoder().decode(madeText(9_000)).slice(0, madeText(60).length),
  );
  expect(new Set(madeText(9_000)).size).toBeLessThan(30); // letters, blanks, stops
});

import { expect, it } from "vitest";
import { estimate } from "./estimate.ts";

const half = {
  dim: 32,
  layers: 1,
  heads: 2,
  hidden: 32,
  position: "none",
  branches: [{ segment: 64, dilation: 1 }],
} as const;
const V = 50_257;
const N = 8_192;

it.each([
  ["a language model", { kind: "longnet-lm", ...half, vocab: V }],
  ["one with an output table of its own", { kind: "longnet-lm", ...half, vocab: V, tied: false }],
  ["a decoder", { kind: "longnet-decoder", ...half, vocab: V }],
  ["an encoder-decoder", { kind: "longnet", encoder: { ...half, vocab: 100 }, decoder: { ...half, vocab: V } }],
] as const)("the loss of %s never holds logits as a whole", (_, config) => {
  const logits = V * N * 4;
  for (const precision of ["f32", "mixed"] as const) {
    const { bytes } = estimate(config, { N, mode: "train", precision });
    expect(bytes.activations).toBeLessThan(logits / 8);
  }
  expect(estimate(config, { N, mode: "backward" }).bytes.activations).toBeLessThan(logits / 8);
});

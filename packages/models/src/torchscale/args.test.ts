import { ConfigError } from "@dilated/core";
import { expect, it } from "vitest";
import { torchscaleConfig } from "./args.ts";

const lists = { segment_length: "[32,64,128]", dilated_ratio: [1, 2, 4] };

it("takes torchscale's defaults, and its lists as text", () => {
  expect(torchscaleConfig("longnet-encoder", lists)).toMatchObject({
    dim: 768,
    layers: 12,
    heads: 12,
    hidden: 3072,
    norm: "sub",
    position: "none",
    finalNorm: true,
    xposScaleBase: 512,
    headOffset: "block",
    remainder: "zeroPad",
    vocab: 0,
    output: "none",
    branches: [
      { segment: 32, dilation: 1 },
      { segment: 64, dilation: 2 },
      { segment: 128, dilation: 4 },
    ],
  });
});

it.each([
  [{ deepnorm: true }, { norm: "deep", finalNorm: false }],
  [{ subln: false }, { norm: "pre", finalNorm: true }],
  [
    { subln: false, decoder_normalize_before: false },
    { norm: "post", finalNorm: false },
  ],
  [
    { xpos_rel_pos: true, xpos_scale_base: 256 },
    { position: "xpos", xposScaleBase: 256 },
  ],
  [
    { share_decoder_input_output_embed: true, vocab_size: 50 },
    { tied: true, vocab: 50 },
  ],
  [
    { no_scale_embedding: false, layernorm_embedding: true },
    { scaleEmbedding: true, embeddingNorm: true },
  ],
])("%o", (args, expected) => {
  expect(torchscaleConfig("longnet-decoder", { ...lists, ...args })).toMatchObject(expected);
});

it.each([
  [{ ...lists, moe_freq: 2 }, /moe_freq: 2/],
  [{ ...lists, multiway: true }, /multiway: true/],
  [{ ...lists, segment_length: "__import__('os')" }, /segment_length/],
  [{ ...lists, dilated_ratio: "[1, 2]" }, /equally long/],
  [{ ...lists, encoder_ember_dim: 3 }, /encoder_ember_dim: unknown/],
  [{ dilated_ratio: [1] }, /segment_length: missing/],
])("refuses %o", (args, message) => {
  expect(() => torchscaleConfig("longnet-encoder", args)).toThrow(ConfigError);
  expect(() => torchscaleConfig("longnet-encoder", args)).toThrow(message);
});

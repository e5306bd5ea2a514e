import type { Branch } from "@dilated/kernels";
import type { LongNetEncoderOptions } from "./longnet/encoder.config.ts";
import { LONGNET_LM_PRESETS } from "./longnet-lm/presets.ts";
import { type LongNetViTOptions, slideBranches } from "./longnet-vit/config.ts";
import type { ModelKind, OptionsByKind } from "./registry.ts";

const ladder = (segments: readonly number[], dilations: readonly number[] = [1, 2, 4, 8, 16]): Branch[] =>
  segments.map((segment, i) => ({ segment, dilation: dilations[i] ?? 1 }));

/** As the weights were trained: block offsets, zero keys in the softmax. */
const trained = { headOffset: "block", remainder: "zeroPad" } as const;

/** Prov-GigaPath's `LongNetConfig.py`: 16 heads, F = 4 E, five branches unless stated. */
function gigapath(layers: number, dim: number, changes: Partial<LongNetEncoderOptions> = {}): LongNetEncoderOptions {
  return { ...trained, dim, layers, heads: 16, branches: ladder([1024, 2048, 4096, 8192, 16_384]), ...changes };
}

const short = { branches: ladder([512, 1024, 2048]) };
const dense = { branches: [{ segment: 10_000_000, dilation: 1 }] };

/** Encoders of Prov-GigaPath's `LongNetConfig.py`. */
export type EncoderPreset =
  | `LongNet_${8 | 12}_layers_256_dim${"" | "_mlp2"}`
  | `LongNet_${3 | 6 | 12}_layers_384_dim`
  | "LongNet_12_layers_512_dim"
  | `LongNet_${8 | 24}_layers_1024_dim`
  | `LongNet_${3 | 6 | 8 | 12}_layers_${768 | 1536}_dim`
  | `LongNet_Vanilla_${"12_layers_256" | "6_layers_768" | "6_layers_1536"}_dim`
  | "LongNet_test";

/** Slide encoders of Prov-GigaPath, and LongViT by the width of its images. */
export type ViTPreset =
  | `gigapath_slide_enc${"12l768d" | "24l1024d" | "12l1536d"}`
  | `longvit_small_patch32_${1024 | 4096 | 8192 | 16384 | 32768}`;

const ENCODERS: Readonly<Record<EncoderPreset, LongNetEncoderOptions>> = {
  LongNet_8_layers_256_dim_mlp2: gigapath(8, 256, { hidden: 512, ...short }),
  LongNet_12_layers_256_dim_mlp2: gigapath(12, 256, { hidden: 512, ...short }),
  LongNet_8_layers_256_dim: gigapath(8, 256),
  LongNet_12_layers_256_dim: gigapath(12, 256),
  LongNet_3_layers_384_dim: gigapath(3, 384),
  LongNet_6_layers_384_dim: gigapath(6, 384),
  LongNet_12_layers_384_dim: gigapath(12, 384),
  LongNet_12_layers_512_dim: gigapath(12, 512, { heads: 8, hidden: 1024, ...short }),
  LongNet_3_layers_768_dim: gigapath(3, 768),
  LongNet_6_layers_768_dim: gigapath(6, 768, { branches: ladder([1024, 4096, 8192, 16_384, 65_536]) }),
  LongNet_8_layers_768_dim: gigapath(8, 768),
  LongNet_12_layers_768_dim: gigapath(12, 768),
  LongNet_8_layers_1024_dim: gigapath(8, 1024),
  LongNet_24_layers_1024_dim: gigapath(24, 1024),
  LongNet_3_layers_1536_dim: gigapath(3, 1536),
  LongNet_6_layers_1536_dim: gigapath(6, 1536),
  LongNet_8_layers_1536_dim: gigapath(8, 1536),
  LongNet_12_layers_1536_dim: gigapath(12, 1536),
  LongNet_Vanilla_12_layers_256_dim: gigapath(12, 256, { heads: 8, hidden: 512, ...dense }),
  LongNet_Vanilla_6_layers_768_dim: gigapath(6, 768, dense),
  LongNet_Vanilla_6_layers_1536_dim: gigapath(6, 1536, dense),
  LongNet_test: gigapath(1, 192, { heads: 8, hidden: 192, ...short }),
};

/** Prov-GigaPath's timm entry points. */
function slideEncoder(layers: number, dim: number): LongNetViTOptions {
  return {
    ...trained,
    tileDim: 1536,
    dim,
    layers,
    heads: 16,
    branches: slideBranches(),
    dropout: 0.25,
    dropPath: 0.1,
  };
}

/** LongViT of torchscale's examples: patches of 32 pixels in RGB, learned places, mean pooling with fc_norm. */
function longvit(pixels: number, segments: readonly number[]): LongNetViTOptions {
  return {
    ...trained,
    tileDim: 3 * 32 * 32,
    tileSize: 32,
    grid: pixels / 32,
    gridPosition: "learned",
    classToken: false,
    dim: 384,
    layers: 12,
    heads: 16,
    branches: ladder(segments),
    finalNorm: false,
    poolEps: 1e-5,
  };
}

const VITS: Readonly<Record<ViTPreset, LongNetViTOptions>> = {
  gigapath_slide_enc12l768d: slideEncoder(12, 768),
  gigapath_slide_enc24l1024d: slideEncoder(24, 1024),
  gigapath_slide_enc12l1536d: slideEncoder(12, 1536),
  longvit_small_patch32_1024: longvit(1024, [64, 128, 256, 512, 1024]),
  longvit_small_patch32_4096: longvit(4096, [1024, 2048, 4096, 8192, 16_384]),
  longvit_small_patch32_8192: longvit(8192, [1024, 4096, 8192, 16_384, 65_536]),
  longvit_small_patch32_16384: longvit(16_384, [1024, 4096, 16_384, 65_536, 262_144]),
  longvit_small_patch32_32768: longvit(32_768, [1024, 4096, 32_768, 262_144, 1_048_576]),
};

/** Names of the presets of each kind. */
export interface PresetByKind {
  readonly "longnet-lm": keyof typeof LONGNET_LM_PRESETS;
  readonly "longnet-decoder": keyof typeof LONGNET_LM_PRESETS;
  readonly "longnet-encoder": EncoderPreset;
  readonly longnet: "base";
  readonly "longnet-vit": ViTPreset;
}

const { base } = LONGNET_LM_PRESETS;

/**
 * Named configurations by kind of model. `longnet-encoder` holds Prov-GigaPath's by their names there; `longnet-vit` its slide encoders and LongViT;
 * `base` is the LongNet paper's (arXiv 2307.02486, section 4.1).
 */
export const PRESETS: { readonly [K in ModelKind]: Readonly<Record<PresetByKind[K], OptionsByKind[K]>> } = {
  "longnet-lm": LONGNET_LM_PRESETS,
  "longnet-decoder": LONGNET_LM_PRESETS,
  "longnet-encoder": ENCODERS,
  longnet: { base: { encoder: base, decoder: base } },
  "longnet-vit": VITS,
};

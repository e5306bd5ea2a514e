import type { Device } from "@dilated/core";
import { Initializer } from "./layers/parameters.ts";
import { initCausal } from "./longnet/causal-model.ts";
import { type LongNetDecoderOptions, resolveLongNetDecoder } from "./longnet/decoder.config.ts";
import { LongNetDecoder } from "./longnet/decoder.ts";
import { type LongNetEncoderOptions, resolveLongNetEncoder } from "./longnet/encoder.config.ts";
import { initLongNetEncoder, LongNetEncoder } from "./longnet/encoder.ts";
import { type LongNetOptions, resolveLongNet } from "./longnet/longnet.config.ts";
import { initLongNet, LongNet } from "./longnet/longnet.ts";
import { type LongNetLMOptions, resolveLongNetLM } from "./longnet-lm/config.ts";
import { LongNetLM } from "./longnet-lm/model.ts";
import { type LongNetViTOptions, resolveLongNetViT } from "./longnet-vit/config.ts";
import { initLongNetViT, LongNetViT } from "./longnet-vit/model.ts";

/** Options of each kind of model. */
export interface OptionsByKind {
  readonly "longnet-lm": LongNetLMOptions;
  readonly "longnet-decoder": LongNetDecoderOptions;
  readonly "longnet-encoder": LongNetEncoderOptions;
  readonly longnet: LongNetOptions;
  readonly "longnet-vit": LongNetViTOptions;
}

/** Class of each kind of model. */
export interface ModelByKind {
  readonly "longnet-lm": LongNetLM;
  readonly "longnet-decoder": LongNetDecoder;
  readonly "longnet-encoder": LongNetEncoder;
  readonly longnet: LongNet;
  readonly "longnet-vit": LongNetViT;
}

/** Name of a kind of model. */
export type ModelKind = keyof ModelByKind;

/** Any model. */
export type Model = ModelByKind[ModelKind];

/** Makes each kind of model; a seed of undefined leaves the weights undefined, for who is going to write them all. */
export const BUILDERS: {
  readonly [K in ModelKind]: (device: Device, options: OptionsByKind[K], seed: number | undefined) => ModelByKind[K];
} = {
  "longnet-lm": (device, options, seed) => {
    const config = resolveLongNetLM(options);
    return new LongNetLM(device, config, initCausal(new Initializer(device, seed), config));
  },
  "longnet-decoder": (device, options, seed) => {
    const config = resolveLongNetDecoder(options);
    return new LongNetDecoder(device, config, initCausal(new Initializer(device, seed), config));
  },
  "longnet-encoder": (device, options, seed) => {
    const config = resolveLongNetEncoder(options);
    return new LongNetEncoder(device, config, initLongNetEncoder(new Initializer(device, seed), config));
  },
  longnet: (device, options, seed) => {
    const config = resolveLongNet(options);
    return new LongNet(device, config, initLongNet(new Initializer(device, seed), config));
  },
  "longnet-vit": (device, options, seed) => {
    const config = resolveLongNetViT(options);
    return new LongNetViT(device, config, initLongNetViT(new Initializer(device, seed), config));
  },
};

/** Every kind, for messages. */
export const MODEL_KINDS: readonly ModelKind[] = Object.keys(BUILDERS) as ModelKind[];

import { type Device, type Field, field } from "@dilated/core";
import { Initializer } from "./layers/parameters.ts";
import { initCausal } from "./longnet/causal-model.ts";
import { decoderConfig, type LongNetDecoderOptions } from "./longnet/decoder.config.ts";
import { LongNetDecoder } from "./longnet/decoder.ts";
import { encoderConfig, type LongNetEncoderOptions } from "./longnet/encoder.config.ts";
import { initLongNetEncoder, LongNetEncoder } from "./longnet/encoder.ts";
import { type LongNetOptions, longnetConfig } from "./longnet/longnet.config.ts";
import { initLongNet, LongNet } from "./longnet/longnet.ts";
import { type LongNetLMOptions, lmConfig } from "./longnet-lm/config.ts";
import { LongNetLM } from "./longnet-lm/model.ts";
import { type LongNetViTOptions, vitConfig } from "./longnet-vit/config.ts";
import { initLongNetViT, LongNetViT } from "./longnet-vit/model.ts";
import { isModel } from "./options/kinds.ts";

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
  readonly [K in ModelKind]: (
    caller: string,
    device: Device,
    options: OptionsByKind[K],
    seed: number | undefined,
  ) => ModelByKind[K];
} = {
  "longnet-lm": (caller, device, options, seed) => {
    const config = lmConfig(caller, options);
    return new LongNetLM(device, config, initCausal(new Initializer(device, seed), config));
  },
  "longnet-decoder": (caller, device, options, seed) => {
    const config = decoderConfig(caller, options, "none");
    return new LongNetDecoder(device, config, initCausal(new Initializer(device, seed), config));
  },
  "longnet-encoder": (caller, device, options, seed) => {
    const config = encoderConfig(caller, options);
    return new LongNetEncoder(device, config, initLongNetEncoder(new Initializer(device, seed), config));
  },
  longnet: (caller, device, options, seed) => {
    const config = longnetConfig(caller, options);
    return new LongNet(device, config, initLongNet(new Initializer(device, seed), config));
  },
  "longnet-vit": (caller, device, options, seed) => {
    const config = vitConfig(caller, options);
    return new LongNetViT(device, config, initLongNetViT(new Initializer(device, seed), config));
  },
};

/** Every kind, for messages. */
export const MODEL_KINDS: readonly ModelKind[] = Object.keys(BUILDERS) as ModelKind[];

/** A model of ours, as an argument. */
export const MODEL: Field<Model> = field.custom("a model of createModel", (value) => isModel(value, MODEL_KINDS));

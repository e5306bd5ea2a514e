import { ConfigError, checkCall, checkConfig, type Device, field, treeTensors } from "@dilated/core";
import { type ModelOptions, presetConfig } from "../factory.ts";
import { BUILDERS, type Model, type ModelKind } from "../registry.ts";
import { adamW, type Optimizer, sgd } from "../train/optimizer.ts";
import { resolveTrain } from "../train/options.ts";
import { attentionWork, cacheBytes, cachedRows, checkLengths, decodingWork } from "./attention-work.ts";
import { backwardOnce, type CallSize, decodeOnce, forwardOnce, peakOf } from "./dry-run.ts";
import { type TrainingBytes, trainOnce } from "./train-once.ts";
import { TYPICAL_GPU, virtualDevice } from "./virtual-device.ts";

/** What {@link estimate} is asked. */
export interface EstimateOptions {
  /** Tokens of a sequence: the context, the target of an encoder-decoder, the tiles of a slide. */
  readonly N: number;
  /** Sequences at once. @defaultValue 1 */
  readonly B?: number | undefined;
  /** Source tokens of an encoder-decoder. @defaultValue N */
  readonly M?: number | undefined;
  /** `decode`: one more token behind a context of N. `train`: a step of `train`, of one micro-batch. @defaultValue "forward" */
  readonly mode?: "forward" | "backward" | "train" | "decode" | undefined;
  /** With mode "train". @defaultValue "adamw" */
  readonly optimizer?: "adamw" | "sgd" | undefined;
  /** As in `train`, with mode "train". @defaultValue "f32" */
  readonly precision?: "f32" | "mixed" | undefined;
  /** As in `train`, with mode "train". @defaultValue no average */
  readonly ema?: number | undefined;
  /** Whose kernels and limits to plan for. @defaultValue a discrete GPU through WebGPU */
  readonly device?: Device | undefined;
}

/** What a call takes. */
export interface Estimate {
  /** Weights, counted. */
  readonly parameters: number;
  readonly flops: {
    /** 2 for each multiplication of the matrix products, backward and recomputation included. */
    readonly linear: number;
    /** 4·D for each (query, key) pair of the pattern; backward counts 2.5 times that. */
    readonly attention: number;
    readonly total: number;
  };
  readonly bytes: {
    readonly weights: number;
    /** The f16 copy of the weights that mixed precision computes with. */
    readonly copy: number;
    /** 0 unless mode is "backward" or "train". */
    readonly gradients: number;
    /** What the optimiser remembers; 0 unless mode is "train". */
    readonly optimizer: number;
    /** Averaged weights. */
    readonly ema: number;
    /** Everything else at the highest moment: inputs, intermediate values, attention plans. */
    readonly activations: number;
    /** Cached keys and values; 0 unless mode is "decode". */
    readonly cache: number;
    /** Highest `device.stats().peak` of a device that holds nothing else. */
    readonly peak: number;
  };
  /** Rows of K that a decoder has to keep, summed over layers and heads, for each sequence; N a head and layer would be dense. */
  readonly liveRows: number;
}

/** Kernels count tokens in 32 bits. */
const positive = field.positiveInteger(2 ** 31 - 1);
const schema = {
  N: positive,
  B: field.withDefault(positive, 1),
  M: field.optional(positive),
  mode: field.withDefault(field.oneOf(["forward", "backward", "train", "decode"]), "forward"),
  optimizer: field.withDefault(field.oneOf(["adamw", "sgd"]), "adamw"),
  precision: field.optional(field.oneOf(["f32", "mixed"])),
  ema: field.optional(field.fraction()),
  device: field.optional(field.device()),
};
const SEED = field.optional(field.nonNegativeInteger());
const ARGUMENTS = { model: field.having({ kind: field.string(), seed: SEED }), options: field.object(schema) };

/**
 * Work and memory of a model before it is made. The numbers are not a formula: the model runs on a device that allocates and computes nothing but
 * keeps the books as a real one does, so they change with the code.
 *
 * Synchronous: tenths of a second for a large model, whatever N is.
 *
 * @param model - as for `createModel`
 * @throws ConfigError for the model's fields and the options; LimitError for what the device could not hold in one
 * tensor, and for more tokens than the model can count.
 * @example
 * ```ts
 * import { estimate } from "@dilated/models";
 * const { flops, bytes } = estimate({ kind: "longnet-lm", preset: "base" }, { N: 32_768, mode: "train" });
 * console.log(flops.total / 1e12, "TFLOP", bytes.peak / 2 ** 30, "GiB");
 * ```
 */
export function estimate<K extends ModelKind>(
  model: ModelOptions<K> & { readonly kind: K },
  options: EstimateOptions,
): Estimate {
  checkCall("estimate", ARGUMENTS, arguments);
  const given = checkConfig("estimate", schema, options);
  if (given.mode !== "train") refuseTraining(options);
  const size: CallSize = { N: given.N, B: given.B, M: given.M ?? given.N };
  const { kind, seed: _, ...rest } = model;
  const config = presetConfig("estimate", kind, rest as Readonly<Record<string, unknown>>);
  let linear = 0;
  const { info, limits } = given.device ?? TYPICAL_GPU;
  const onRun = ({ kernel, flops }: { readonly kernel: string; readonly flops: number }): void => {
    if (kernel.startsWith("matmul")) linear += flops;
  };
  using device = virtualDevice({ info, limits, onRun });
  const built: Model = BUILDERS[kind]("estimate", device, config, undefined);
  const weights = device.stats().live;
  const parameters = treeTensors(built.parameters).reduce((total, tensor) => total + tensor.size, 0);
  checkLengths(built, { ...size, M: given.M }, given.mode);
  const rows = cachedRows(built, size);
  const common = { parameters, liveRows: rows };
  if (given.mode === "decode") {
    const peak = peakOf(device, () => decodeOnce(built, size.B));
    const attention = decodingWork(built, size.B, rows);
    const cache = cacheBytes(built, size);
    const bytes = { weights, ...NOTHING, cache, activations: peak - weights };
    return {
      ...common,
      flops: { linear, attention, total: linear + attention },
      bytes: { ...bytes, peak: peak + cache },
    };
  }
  let held: TrainingBytes = { ...NOTHING, gradients: given.mode === "backward" ? weights : 0 };
  const peak = peakOf(device, () => {
    if (given.mode === "forward") forwardOnce(built, size);
    else if (given.mode === "backward") backwardOnce(built, size);
    else held = trainOnce(built, size, trainOptions(given));
  });
  const backward = given.mode !== "forward";
  const attention = attentionWork(built, size, ({ checkpointing }) => (backward ? (checkpointing ? 4.5 : 3.5) : 1));
  const activations = peak - weights - held.gradients - held.optimizer - held.ema - held.copy;
  return {
    ...common,
    flops: { linear, attention, total: linear + attention },
    bytes: { weights, ...held, activations, cache: 0, peak },
  };
}

const NOTHING: TrainingBytes = { gradients: 0, optimizer: 0, ema: 0, copy: 0 };

/** An option that changes nothing must not look as if it did. */
function refuseTraining({ mode = "forward", precision, ema, optimizer }: EstimateOptions): void {
  const details = Object.entries({ optimizer, precision, ema })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}; allowed with mode "train"`);
  if (details.length === 0) return;
  throw new ConfigError(`estimate: options of training with mode "${mode}"`, { details, fix: 'use mode "train"' });
}

interface TrainingRequest {
  readonly optimizer: "adamw" | "sgd";
  readonly precision: "f32" | "mixed" | undefined;
  readonly ema: number | undefined;
}

function trainOptions({ optimizer, precision, ema }: TrainingRequest) {
  const given = { ...(precision === undefined ? {} : { precision }), ...(ema === undefined ? {} : { ema }) };
  return resolveTrain({ optimizer: optimizers[optimizer](), steps: 1, ...given });
}

const optimizers: Readonly<Record<"adamw" | "sgd", () => Optimizer>> = {
  adamw: () => adamW({ lr: 1 }),
  sgd: () => sgd({ lr: 1 }),
};

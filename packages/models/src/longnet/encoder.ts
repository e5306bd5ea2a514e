import { ConfigError, checkOptions, type Device, DisposedByUsing, type Tensor } from "@dilated/core";
import { linear } from "@dilated/kernels";
import { checkInput, embedInput, type InputParameters, initInput } from "../layers/embedding.ts";
import { Initializer } from "../layers/parameters.ts";
import { FORWARD_OPTIONS, SEED_OPTIONS } from "../stack/forward-options.ts";
import { disposeTree, type ForwardOptions, initStack, runStack, type StackParameters } from "../stack/stack.ts";
import { type LongNetEncoderConfig, type LongNetEncoderOptions, resolveLongNetEncoder } from "./encoder.config.ts";

/** Weights of a LongNetEncoder, by name. */
export interface LongNetEncoderParameters extends InputParameters, StackParameters {
  /** [V, E]; only with output "own". */
  readonly output?: Tensor;
}

/** Bidirectional LongNet over embeddings, or over tokens where it has a vocabulary. */
export class LongNetEncoder extends DisposedByUsing {
  readonly kind = "longnet-encoder";
  readonly device: Device;
  readonly config: LongNetEncoderConfig;
  readonly parameters: LongNetEncoderParameters;

  /** Use {@link createLongNetEncoder}. */
  constructor(device: Device, config: LongNetEncoderConfig, parameters: LongNetEncoderParameters) {
    super();
    this.device = device;
    this.config = config;
    this.parameters = parameters;
  }

  /** input [B, N, E], or tokens [B, N] (i32) with a vocabulary -> [B, N, E] */
  forward(input: Tensor, options: ForwardOptions = {}): Tensor {
    return this.device.scope(() => this.#run(input, options));
  }

  /** input as in `forward` -> what the first layer gets and what each layer gives, before the final norm: layers + 1 of [B, N, E] */
  states(input: Tensor, options: ForwardOptions = {}): Tensor[] {
    return this.device.scope(() => {
      const states: Tensor[] = [];
      this.#run(input, options, (state) => states.push(state));
      return states;
    });
  }

  /**
   * Hidden states [..., E] -> logits [..., V]
   *
   * @throws ConfigError when the encoder has no output projection.
   */
  project(hidden: Tensor): Tensor {
    const { output, embedding } = this.parameters;
    const table = this.config.output === "tied" ? embedding : output;
    if (table) return linear(hidden, table);
    throw new ConfigError("LongNetEncoder.project: this encoder has no output projection", {
      details: [`vocab: ${this.config.vocab}, output: ${JSON.stringify(this.config.output)}`],
      fix: 'make it with a vocab and output: "tied" or "own"',
    });
  }

  /** The same encoder over other weights of the same shapes, which stay the caller's to free. */
  withParameters(parameters: LongNetEncoderParameters): LongNetEncoder {
    return new LongNetEncoder(this.device, this.config, parameters);
  }

  /** Frees the weights. */
  dispose(): void {
    disposeTree(this.parameters);
  }

  #run(input: Tensor, options: ForwardOptions, onState?: (state: Tensor) => void): Tensor {
    checkOptions("LongNetEncoder", FORWARD_OPTIONS, options);
    const { config, parameters } = this;
    checkInput(onState ? "LongNetEncoder.states" : "LongNetEncoder.forward", input, config);
    const x = embedInput(input, parameters, config, options);
    const depth = { role: "encoder", layers: config.layers } as const;
    return runStack(x, parameters, config, { ...options, causal: false, depth, onState });
  }
}

/**
 * Makes an encoder with fresh weights.
 *
 * @throws ConfigError that lists every bad field.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createLongNetEncoder } from "@dilated/models";
 * const device = await openDevice();
 * const branches = [{ segment: 16, dilation: 1 }, { segment: 64, dilation: 2 }];
 * const encoder = createLongNetEncoder(device, { dim: 32, layers: 2, heads: 4, branches });
 * const y = encoder.forward(device.randomNormal([1, 100, 32], { seed: 1 })); // [1, 100, 32]
 * device.dispose();
 * ```
 */
export function createLongNetEncoder(
  device: Device,
  config: LongNetEncoderOptions,
  options: { seed?: number } = {},
): LongNetEncoder {
  checkOptions("createLongNetEncoder", SEED_OPTIONS, options);
  const resolved = resolveLongNetEncoder(config);
  const init = new Initializer(device, options.seed ?? 0);
  return new LongNetEncoder(device, resolved, initLongNetEncoder(init, resolved));
}

/**
 * Fresh weights of an encoder.
 *
 * @param decoderLayers - of the decoder that it will stand before, if any
 */
export function initLongNetEncoder(
  init: Initializer,
  config: LongNetEncoderConfig,
  label = "",
  decoderLayers?: number,
): LongNetEncoderParameters {
  const { vocab, dim, layers, output } = config;
  const depth = { role: "encoder", layers, ...(decoderLayers === undefined ? {} : { other: decoderLayers }) } as const;
  return init.all(() => ({
    ...initInput(init, config, label),
    ...initStack(init, config, depth, { label }),
    ...(output === "own" && vocab > 0 ? { output: init.normal([vocab, dim], dim ** -0.5, `${label}output`) } : {}),
  }));
}

import { ConfigError, checkCall, type Device, DisposedByUsing, field, type Tensor } from "@dilated/core";
import { linear } from "@dilated/kernels";
import { checkInput, embedInput, type InputParameters, initInput } from "../layers/embedding.ts";
import { checkLastAxis } from "../layers/feed-forward.ts";
import { Initializer } from "../layers/parameters.ts";
import { CONFIG, checkSameParameters, TOWER } from "../options/kinds.ts";
import { CREATE, FORWARD } from "../stack/forward-options.ts";
import { disposeTree, type ForwardOptions, initStack, runStack, type StackParameters } from "../stack/stack.ts";
import { encoderConfig, type LongNetEncoderConfig, type LongNetEncoderOptions } from "./encoder.config.ts";

/** Weights of a LongNetEncoder, by name. */
export interface LongNetEncoderParameters extends InputParameters, StackParameters {
  /** [V, E]; only with output "own". */
  readonly output?: Tensor;
}

const CONSTRUCTOR = { device: field.device(), config: CONFIG, parameters: TOWER };
const CALL = { input: field.tensor("vectors [B, N, E], or tokens [B, N] of dtype i32"), options: FORWARD };
const PROJECT = { hidden: field.tensor("states [..., E]") };
const PARAMETERS = { parameters: TOWER };

/** Bidirectional LongNet over embeddings, or over tokens where it has a vocabulary. */
export class LongNetEncoder extends DisposedByUsing {
  readonly kind = "longnet-encoder";
  readonly device: Device;
  readonly config: LongNetEncoderConfig;
  readonly parameters: LongNetEncoderParameters;

  /** Use {@link createLongNetEncoder}. */
  constructor(device: Device, config: LongNetEncoderConfig, parameters: LongNetEncoderParameters) {
    super();
    checkCall("LongNetEncoder", CONSTRUCTOR, arguments);
    this.device = device;
    this.config = config;
    this.parameters = parameters;
  }

  /** input [B, N, E], or tokens [B, N] (i32) with a vocabulary -> [B, N, E] */
  forward(input: Tensor, options: ForwardOptions = {}): Tensor {
    checkCall("LongNetEncoder.forward", CALL, arguments, this.device);
    return this.device.scope(() => this.#run(input, options));
  }

  /** input as in `forward` -> what the first layer gets and what each layer gives, before the final norm: layers + 1 of [B, N, E] */
  states(input: Tensor, options: ForwardOptions = {}): Tensor[] {
    checkCall("LongNetEncoder.states", CALL, arguments, this.device);
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
    checkCall("LongNetEncoder.project", PROJECT, arguments, this.device);
    checkLastAxis("LongNetEncoder.project", hidden, this.config.dim);
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
    checkCall("LongNetEncoder.withParameters", PARAMETERS, arguments, this.device);
    checkSameParameters("LongNetEncoder.withParameters", parameters, this.parameters);
    return new LongNetEncoder(this.device, this.config, parameters);
  }

  /** Frees the weights. */
  dispose(): void {
    disposeTree(this.parameters);
  }

  #run(input: Tensor, options: ForwardOptions, onState?: (state: Tensor) => void): Tensor {
    const { config, parameters } = this;
    checkInput(onState ? "LongNetEncoder.states" : "LongNetEncoder.forward", input, config, options);
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
  checkCall("createLongNetEncoder", CREATE, arguments);
  const resolved = encoderConfig("createLongNetEncoder", config);
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

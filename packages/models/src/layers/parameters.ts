import { checkCall, checkShape, type Device, type Field, type FieldsOf, field, type Tensor } from "@dilated/core";
import { LABEL } from "../options/kinds.ts";

/** How the weights of a block start. */
export interface InitOptions {
  /** Factor of some projections, by depth. @defaultValue 1 */
  readonly gain?: number | undefined;
  /** Adds the inner norm of sub-LN. @defaultValue true */
  readonly inner?: boolean | undefined;
}

export const INIT_OPTIONS: FieldsOf<InitOptions> = {
  gain: field.optional(field.number(0)),
  inner: field.optional(field.boolean()),
};

const SIZE = field.positiveInteger();
const INITIALIZER = { device: field.device(), seed: field.optional(field.nonNegativeInteger()) };
const NORMAL = { shape: field.shape(), std: field.number(0), label: LABEL };
const XAVIER = { out: SIZE, inputs: SIZE, gain: field.number(0), label: LABEL };
const CONSTANT = { shape: field.shape(), value: field.number(), label: LABEL };

/**
 * Draws initial weights: one stream a tensor, so that adding a layer does not change the others. They share no random
 * words with tensors, masks or samples of the same seed; two models of one seed begin alike, so give a head a seed of
 * its own (`deriveSeed`).
 */
export class Initializer {
  readonly #device: Device;
  readonly #seed: number | undefined;
  #stream = 0;

  /** @param seed - undefined leaves the weights undefined, for who is going to write them all */
  constructor(device: Device, seed: number | undefined) {
    checkCall("Initializer", INITIALIZER, arguments);
    this.#device = device;
    this.#seed = seed;
  }

  /**
   * Makes the weights of a model or of none: where there is no room for all of them, those that were made are freed.
   */
  all<P extends object>(make: () => P): P {
    return this.#device.scope(make as () => P & Record<string, unknown>);
  }

  /** Normal samples with the given deviation. */
  normal(shape: readonly number[], std: number, label: string): Tensor {
    checkCall("Initializer.normal", NORMAL, arguments);
    checkShape("Initializer.normal", shape);
    if (this.#seed === undefined) return this.#device.empty(shape, { label });
    const words = { seed: this.#seed, stream: this.#stream++, domain: "weights" } as const;
    return this.#device.randomNormal(shape, { ...words, std, label });
  }

  /** Xavier (Glorot) normal for a `[out, in]` matrix: std = gain · sqrt(2 / (in + out)). */
  xavier(out: number, inputs: number, gain: number, label: string): Tensor {
    checkCall("Initializer.xavier", XAVIER, arguments);
    return this.normal([out, inputs], gain * Math.sqrt(2 / (inputs + out)), label);
  }

  constant(shape: readonly number[], value: number, label: string): Tensor {
    checkCall("Initializer.constant", CONSTANT, arguments);
    checkShape("Initializer.constant", shape);
    return this.#device.full(shape, value, { label });
  }
}

/** What draws the weights, as an argument. */
export const INIT: Field<Initializer> = field.instance("an Initializer: new Initializer(device, seed)", Initializer);

/** `y = x Wᵀ + b`, weight `[out, in]` as PyTorch stores it. */
export interface LinearParameters {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/** Scale and shift of a layer norm over the last axis. */
export interface NormParameters {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

export function initLinear(
  init: Initializer,
  inputs: number,
  out: number,
  gain: number,
  label: string,
): LinearParameters {
  return { weight: init.xavier(out, inputs, gain, `${label}.weight`), bias: init.constant([out], 0, `${label}.bias`) };
}

export function initNorm(init: Initializer, width: number, label: string): NormParameters {
  return { weight: init.constant([width], 1, `${label}.weight`), bias: init.constant([width], 0, `${label}.bias`) };
}

import { checkOptions, type Tensor } from "@dilated/core";
import { type GluOptions, glu, layerNorm, linear } from "@dilated/kernels";
import type { ActivationKind } from "../stack/config.ts";
import { drop, type NoisePlan } from "./noise.ts";
import {
  INIT_OPTIONS,
  type Initializer,
  type InitOptions,
  initLinear,
  initNorm,
  type LinearParameters,
  type NormParameters,
} from "./parameters.ts";

/** Weights of `down(norm(f(up(x))))`, or `down(norm(up(x) · f(gate(x))))`; the inner norm is sub-LN's. */
export interface FeedForwardParameters {
  /** [F, E] */
  readonly up: LinearParameters;
  /** [F, E]; gated activations only. */
  readonly gate?: LinearParameters;
  readonly innerNorm?: NormParameters;
  /** [E, F] */
  readonly down: LinearParameters;
}

/** Shape of a feed-forward block. */
export interface FeedForwardShape {
  /** E */
  readonly dim: number;
  /** F */
  readonly hidden: number;
  readonly activation: ActivationKind;
  readonly eps: number;
}

const GATES: Readonly<Partial<Record<ActivationKind, GluOptions["activation"]>>> = {
  glu: "sigmoid",
  swiglu: "silu",
  geglu: "gelu",
  reglu: "relu",
};

/** `gain` scales both projections by depth; `inner` adds the norm of sub-LN. */
export function initFeedForward(
  init: Initializer,
  { dim, hidden, activation }: FeedForwardShape,
  options: InitOptions,
  label: string,
): FeedForwardParameters {
  checkOptions("initFeedForward", INIT_OPTIONS, options);
  const { gain = 1, inner = true } = options;
  return {
    up: initLinear(init, dim, hidden, gain, `${label}.up`),
    ...(GATES[activation] ? { gate: initLinear(init, dim, hidden, gain, `${label}.gate`) } : {}),
    ...(inner ? { innerNorm: initNorm(init, hidden, `${label}.innerNorm`) } : {}),
    down: initLinear(init, hidden, dim, gain, `${label}.down`),
  };
}

/** x [..., E] -> [..., E] */
export function feedForward(x: Tensor, p: FeedForwardParameters, shape: FeedForwardShape, plan?: NoisePlan): Tensor {
  const active = drop(activate(x, p, shape.activation), plan?.activation, plan);
  const { innerNorm, down } = p;
  const normed = innerNorm ? layerNorm(active, innerNorm.weight, innerNorm.bias, { eps: shape.eps }) : active;
  return linear(normed, down.weight, down.bias);
}

function activate(x: Tensor, { up, gate }: FeedForwardParameters, activation: ActivationKind): Tensor {
  const gateKind = GATES[activation];
  if (gate && gateKind) {
    return glu(linear(x, up.weight, up.bias), linear(x, gate.weight, gate.bias), { activation: gateKind });
  }
  const curve = activation === "relu" || activation === "silu" ? activation : "gelu";
  return linear(x, up.weight, up.bias, { activation: curve });
}

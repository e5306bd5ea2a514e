import { checkCall, type FieldsOf, field, ShapeError, sameShape, type Tensor } from "@dilated/core";
import { type GluOptions, glu, layerNorm, linear } from "@dilated/kernels";
import { FEED_FORWARD, LABEL } from "../options/kinds.ts";
import { ACTIVATIONS, type ActivationKind } from "../stack/config.ts";
import { drop, type NoisePlan, PLAN } from "./noise.ts";
import {
  INIT,
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

const SHAPE: FieldsOf<FeedForwardShape> = {
  dim: field.positiveInteger(),
  hidden: field.positiveInteger(),
  activation: field.oneOf<ActivationKind>(ACTIVATIONS),
  eps: field.positive(),
};
const { eps: _, ...SIZES } = SHAPE;
const INIT_CALL = {
  init: INIT,
  shape: field.having(SIZES),
  options: field.object(INIT_OPTIONS),
  label: LABEL,
};
const CALL = { x: field.tensor("[..., E]"), p: FEED_FORWARD, shape: field.having(SHAPE), plan: PLAN };

const GATES: Readonly<Partial<Record<ActivationKind, GluOptions["activation"]>>> = {
  glu: "sigmoid",
  swiglu: "silu",
  geglu: "gelu",
  reglu: "relu",
};

/** `gain` scales both projections by depth; `inner` adds the norm of sub-LN. */
export function initFeedForward(
  init: Initializer,
  shape: Omit<FeedForwardShape, "eps">,
  options: InitOptions,
  label: string,
): FeedForwardParameters {
  checkCall("initFeedForward", INIT_CALL, arguments);
  const { dim, hidden, activation } = shape;
  const { gain = 1, inner = true } = options;
  return init.all(() => ({
    up: initLinear(init, dim, hidden, gain, `${label}.up`),
    ...(GATES[activation] ? { gate: initLinear(init, dim, hidden, gain, `${label}.gate`) } : {}),
    ...(inner ? { innerNorm: initNorm(init, hidden, `${label}.innerNorm`) } : {}),
    down: initLinear(init, hidden, dim, gain, `${label}.down`),
  }));
}

/** x [..., E] -> [..., E] */
export function feedForward(x: Tensor, p: FeedForwardParameters, shape: FeedForwardShape, plan?: NoisePlan): Tensor {
  checkCall("feedForward", CALL, arguments);
  checkLastAxis("feedForward", x, p.up.weight.shape[1]);
  if (!sameShape(p.up.weight.shape, [shape.hidden, shape.dim])) {
    throw new ShapeError("feedForward: the weights are of another shape than `shape` says", {
      details: [`shape: hidden ${shape.hidden}, dim ${shape.dim}`, `up.weight [F, E]: ${p.up.weight}`],
      fix: "pass the shape that initFeedForward was given",
    });
  }
  return x.device.scope(() => {
    const active = drop(activate(x, p, shape.activation), plan?.activation, plan);
    const { innerNorm, down } = p;
    const normed = innerNorm ? layerNorm(active, innerNorm.weight, innerNorm.bias, { eps: shape.eps }) : active;
    return linear(normed, down.weight, down.bias);
  });
}

/** @throws ShapeError unless x is [..., E]. */
export function checkLastAxis(caller: string, x: Tensor, E: number | undefined): void {
  if (x.shape.at(-1) === E) return;
  throw new ShapeError(`${caller}: x must be [..., ${E}], the width of the weights`, {
    details: [String(x)],
    fix: "pass states of the width that the layer was made with",
  });
}

function activate(x: Tensor, { up, gate }: FeedForwardParameters, activation: ActivationKind): Tensor {
  const gateKind = GATES[activation];
  if (gate && gateKind) {
    return glu(linear(x, up.weight, up.bias), linear(x, gate.weight, gate.bias), { activation: gateKind });
  }
  const curve = activation === "relu" || activation === "silu" ? activation : "gelu";
  return linear(x, up.weight, up.bias, { activation: curve });
}

import { checkCall, type FieldsOf, field } from "@dilated/core";
import type { NormPlacement } from "../stack/config.ts";

/**
 * Gain of a decoder-only model with sub-LN: sqrt(log(2 M)) for M layers, on the value, output and feed-forward projections.
 *
 * @see MAGNETO (arXiv 2210.06423), table 2
 */
export function magnetoGain(layers: number): number {
  checkCall("magnetoGain", { layers: field.positiveInteger() }, arguments);
  return Math.sqrt(Math.log(2 * layers));
}

/** Where a stack of layers stands: alone, or as one half of an encoder-decoder, whose other half has `other` layers. */
export interface StackDepth {
  readonly role: "encoder" | "decoder";
  readonly layers: number;
  /** Layers of the other half; leave out for a stack alone. */
  readonly other?: number;
}

export const DEPTH: FieldsOf<StackDepth> = {
  role: field.oneOf(["encoder", "decoder"]),
  layers: field.positiveInteger(),
  other: field.optional(field.positiveInteger()),
};

const DEPTH_GAINS = { norm: field.oneOf(["sub", "pre", "deep", "post"]), depth: field.object(DEPTH) };

/** What depth asks of the initial weights and of the residual stream. */
export interface DepthGains {
  /** Factor of the value, output and feed-forward projections at the start. */
  readonly gain: number;
  /** The same for cross-attention. */
  readonly crossGain: number;
  /** Factor of the residual stream: `x · alpha + f(x)`. */
  readonly alpha: number;
}

/**
 * Gains by depth, N encoder and M decoder layers. `"sub"` (MAGNETO, table 2): sqrt(log 2N) alone; encoder sqrt(log(3M)·log(2N)/3) and decoder
 * sqrt(log 3M) together, cross-attention as it is. `"deep"` (DeepNet, arXiv 2203.00555, figure 2): alpha (2N)^¼ and gain (8N)^-¼ alone; encoder
 * 0.81·(N⁴M)^(1/16) and 1.15·(N⁴M)^(-1/16), decoder (3M)^¼ and (12M)^-¼ together. `"pre"` and `"post"`: 1.
 */
export function depthGains(norm: NormPlacement, depth: StackDepth): DepthGains {
  checkCall("depthGains", DEPTH_GAINS, arguments);
  const { role, layers, other } = depth;
  if (norm === "sub") {
    const together = role === "encoder" ? Math.log(2 * layers) / 3 : 1;
    const deep = Math.log(3 * (role === "encoder" ? (other ?? 1) : layers));
    return { gain: other === undefined ? magnetoGain(layers) : Math.sqrt(deep * together), crossGain: 1, alpha: 1 };
  }
  if (norm !== "deep") return { gain: 1, crossGain: 1, alpha: 1 };
  const same = (gain: number, alpha: number): DepthGains => ({ gain, crossGain: gain, alpha });
  if (other === undefined) return same((8 * layers) ** -0.25, (2 * layers) ** 0.25);
  if (role === "decoder") return same((12 * layers) ** -0.25, (3 * layers) ** 0.25);
  const both = (layers ** 4 * other) ** 0.0625;
  return same(1.15 / both, 0.81 * both);
}

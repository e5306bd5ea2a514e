import { checkOptions, type FieldsOf, field, Tensor } from "@dilated/core";
import { add, type DilatedAttentionCall, type KeyMask, layerNorm, scale } from "@dilated/kernels";
import type { DepthGains } from "../init/magneto.ts";
import type { StackConfig } from "../stack/config.ts";
import { KEY_MASK } from "../stack/forward-options.ts";
import {
  type AttentionParameters,
  initAttention,
  type MultiheadCall,
  multiheadDilatedAttention,
  type Recall,
} from "./attention-block.ts";
import { type FeedForwardParameters, feedForward, initFeedForward } from "./feed-forward.ts";
import { drop, dropPath, type NoisePlan } from "./noise.ts";
import { type Initializer, initNorm, type NormParameters } from "./parameters.ts";

/** One layer of an encoder or decoder; where the norms act, `StackConfig.norm` says. */
export interface LayerParameters {
  readonly attentionNorm: NormParameters;
  readonly attention: AttentionParameters;
  /** Cross-attention, in decoders that have an encoder. */
  readonly crossNorm?: NormParameters;
  readonly cross?: AttentionParameters;
  readonly feedForwardNorm: NormParameters;
  readonly feedForward: FeedForwardParameters;
}

/** How one layer is run. */
export interface LayerCall {
  /** Options of self-attention. */
  readonly attention: MultiheadCall;
  /** Encoder output [B, M, E] for cross-attention, or what attends to it. */
  readonly context?: Tensor | Recall | undefined;
  /** [B, M]: keys of the context that count. */
  readonly contextMask?: KeyMask | undefined;
  readonly alpha: number;
  readonly plan?: NoisePlan | undefined;
}

const CALL: FieldsOf<LayerCall> = {
  attention: field.any("options of multiheadDilatedAttention"),
  context: field.optional(
    field.custom("a tensor, or a function of q", (value) => value instanceof Tensor || typeof value === "function"),
  ),
  contextMask: KEY_MASK,
  alpha: field.number(),
  plan: field.optional(field.any("a NoisePlan")),
};

/** @param cross - adds cross-attention; as in torchscale it has no inner norm */
export function initLayer(
  init: Initializer,
  config: StackConfig,
  { gain, crossGain }: DepthGains,
  cross: boolean,
  label: string,
): LayerParameters {
  const inner = config.norm === "sub";
  const norm = (name: string): NormParameters => initNorm(init, config.dim, `${label}.${name}`);
  return {
    attentionNorm: norm("attentionNorm"),
    attention: initAttention(init, config, { gain, inner }, `${label}.attention`),
    ...(cross
      ? {
          crossNorm: norm("crossNorm"),
          cross: initAttention(init, config, { gain: crossGain, inner: false }, `${label}.cross`),
        }
      : {}),
    feedForwardNorm: norm("feedForwardNorm"),
    feedForward: initFeedForward(init, config, { gain, inner }, `${label}.feedForward`),
  };
}

/**
 * x [B, N, E] -> [B, N, E]: self-attention, cross-attention where there is any, feed-forward, each in a residual connection.
 *
 * @see MAGNETO (arXiv 2210.06423), figure 2; DeepNet (arXiv 2203.00555), figure 2
 */
export function transformerLayer(x: Tensor, p: LayerParameters, config: StackConfig, call: LayerCall): Tensor {
  checkOptions("transformerLayer", CALL, call);
  const { plan, context, contextMask } = call;
  const { crossNorm, cross } = p;
  let y = sublayer(x, p.attentionNorm, config, call, (input) =>
    multiheadDilatedAttention(input, p.attention, config, { ...call.attention, dropout: attentionDropout(plan) }),
  );
  if (crossNorm && cross && context) {
    // Dense, and without rotated positions: source and target positions have nothing to do with each other.
    const source = context instanceof Tensor ? { key: context } : { recall: context };
    const segment = Math.max(x.shape[1] ?? 1, source.key?.shape[1] ?? 1);
    const shape = { ...config, position: "none" } as const;
    y = sublayer(y, crossNorm, config, call, (input) =>
      multiheadDilatedAttention(input, cross, shape, {
        ...source,
        keyMask: contextMask,
        branches: [{ segment, dilation: 1 }],
        dropout: attentionDropout(plan),
      }),
    );
  }
  return sublayer(y, p.feedForwardNorm, config, call, (input) => feedForward(input, p.feedForward, config, plan));
}

/** norm(x) -> f -> + x, or f(x) + alpha·x -> norm. */
function sublayer(
  x: Tensor,
  norm: NormParameters,
  config: StackConfig,
  { alpha, plan }: LayerCall,
  f: (x: Tensor) => Tensor,
): Tensor {
  const before = config.norm === "pre" || config.norm === "sub";
  const normalise = (y: Tensor): Tensor => layerNorm(y, norm.weight, norm.bias, { eps: config.eps });
  return x.device.scope(() => {
    const dropped = drop(f(before ? normalise(x) : x), plan?.residual, plan);
    const sum = add(alpha === 1 ? x : scale(x, alpha), dropSamples(dropped, plan));
    return before ? sum : normalise(sum);
  });
}

function dropSamples(x: Tensor, plan: NoisePlan | undefined): Tensor {
  if (!plan || plan.path === 0) return x;
  const { seed, stream } = plan.next();
  return dropPath(x, plan.path, seed, stream);
}

function attentionDropout(plan: NoisePlan | undefined): DilatedAttentionCall["dropout"] {
  return plan && plan.attention > 0 ? { p: plan.attention, ...plan.next() } : undefined;
}

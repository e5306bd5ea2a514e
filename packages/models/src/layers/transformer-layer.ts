import { ConfigError, checkCall, type FieldsOf, field, ShapeError, Tensor } from "@dilated/core";
import { add, type DilatedAttentionCall, type KeyMask, layerNorm, scale } from "@dilated/kernels";
import type { DepthGains } from "../init/magneto.ts";
import { LABEL, LAYER } from "../options/kinds.ts";
import { STACK_CONFIG, type StackConfig } from "../stack/config.ts";
import { KEY_MASK } from "../stack/forward-options.ts";
import {
  type AttentionParameters,
  initAttention,
  MULTIHEAD_CALL,
  type MultiheadCall,
  multiheadDilatedAttention,
  type Recall,
} from "./attention-block.ts";
import { checkLastAxis, type FeedForwardParameters, feedForward, initFeedForward } from "./feed-forward.ts";
import { checkHeads } from "./head-sizes.ts";
import { checkMask } from "./masks.ts";
import { drop, dropPath, type NoisePlan, PLAN } from "./noise.ts";
import { INIT, type Initializer, initNorm, type NormParameters } from "./parameters.ts";

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
  attention: field.object(MULTIHEAD_CALL),
  context: field.optional(field.either(field.tensor(), field.func("of q"))),
  contextMask: KEY_MASK,
  alpha: field.number(),
  plan: PLAN,
};
const GAIN = field.number(0);
const GAINS = { gain: GAIN, crossGain: GAIN };
const INIT_LAYER = {
  init: INIT,
  config: STACK_CONFIG,
  gains: field.having(GAINS),
  cross: field.boolean(),
  label: LABEL,
};
const ARGUMENTS = { x: field.tensor("[B, N, E]"), p: LAYER, config: STACK_CONFIG, call: field.object(CALL) };

/** @param cross - adds cross-attention; as in torchscale it has no inner norm */
export function initLayer(
  init: Initializer,
  config: StackConfig,
  gains: Pick<DepthGains, "gain" | "crossGain">,
  cross: boolean,
  label: string,
): LayerParameters {
  checkCall("initLayer", INIT_LAYER, arguments);
  checkHeads("initLayer", config);
  const { gain, crossGain } = gains;
  const inner = config.norm === "sub";
  const norm = (name: string): NormParameters => initNorm(init, config.dim, `${label}.${name}`);
  return init.all(() => ({
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
  }));
}

/**
 * x [B, N, E] -> [B, N, E]: self-attention, cross-attention where there is any, feed-forward, each in a residual connection.
 *
 * @see MAGNETO (arXiv 2210.06423), figure 2; DeepNet (arXiv 2203.00555), figure 2
 */
export function transformerLayer(x: Tensor, p: LayerParameters, config: StackConfig, call: LayerCall): Tensor {
  checkCall("transformerLayer", ARGUMENTS, arguments);
  checkLastAxis("transformerLayer", x, config.dim);
  checkHeads("transformerLayer", config);
  const { branches, attend, recall } = call.attention;
  if (!branches && !attend && !recall) {
    throw new ConfigError("transformerLayer: call.attention has no branches", {
      fix: "pass attention: { branches: [{ segment, dilation }, ...] }",
    });
  }
  checkSource("transformerLayer", x, call.context, call.contextMask);
  return x.device.scope(() => layerOf(x, p, config, call));
}

/** @throws ShapeError unless what cross-attention sees is of the same batch and width. */
export function checkSource(caller: string, x: Tensor, context: unknown, mask: KeyMask | undefined): void {
  if (!(context instanceof Tensor)) return;
  const [B = 1, , E] = x.shape;
  if (context.rank !== 3 || context.shape[0] !== B || context.shape[2] !== E) {
    throw new ShapeError(`${caller}: context must be [${B}, M, ${E}]`, {
      details: [`x: ${x}`, `context: ${context}`],
      fix: "pass the encoder's output for the same batch",
    });
  }
  checkMask(`${caller}: contextMask`, mask, B, [context.shape[1] ?? 0]);
}

function layerOf(x: Tensor, p: LayerParameters, config: StackConfig, call: LayerCall): Tensor {
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

import { checkArgument, checkCall, checkpoint, field, Tensor } from "@dilated/core";
import { type DilatedAttentionCall, type KeyMask, layerNorm } from "@dilated/kernels";
import { DEPTH, type DepthGains, depthGains, type StackDepth } from "../init/magneto.ts";
import type { Attend, Recall } from "../layers/attention-block.ts";
import { checkLastAxis } from "../layers/feed-forward.ts";
import { checkHeads } from "../layers/head-sizes.ts";
import { checkBounds, checkMask } from "../layers/masks.ts";
import { noisePlans } from "../layers/noise.ts";
import { INIT, type Initializer, initNorm, type NormParameters } from "../layers/parameters.ts";
import { checkSource, initLayer, type LayerParameters, transformerLayer } from "../layers/transformer-layer.ts";
import { LABEL, STACK } from "../options/kinds.ts";
import { STACK_CONFIG, type StackConfig } from "./config.ts";
import { STACK_CALL } from "./forward-options.ts";

/** Weights of a stack of layers. */
export interface StackParameters {
  readonly layers: readonly LayerParameters[];
  /** Norm behind the last layer; absent without `finalNorm`. */
  readonly norm?: NormParameters;
}

/** What one forward pass of a model may be told. */
export interface ForwardOptions {
  /** Turns dropout and drop-path on and seeds them; leave out for evaluation. */
  readonly dropoutSeed?: number | undefined;
  /**
   * [B, N]: tokens that are 0 are padding: not attended to, not pooled, and in a loss neither predicted nor predicted
   * from. Learned and sinusoid positions count
   * from the first token that is 1, where the mask is an array. Tokens alone: a class token is the model's own.
   * @defaultValue every token counts
   */
  readonly keyMask?: KeyMask | undefined;
  /** Boundaries of sequences packed along N, from 0 to N. @defaultValue one sequence */
  readonly cuSeqlens?: readonly number[] | Int32Array | undefined;
  /** Replaces the self-attention of each layer, by its number: decoding with a cache. */
  readonly attend?: ((layer: number) => Attend) | undefined;
  /** Position of the first token of each sequence, as learned and sinusoid positions count. @defaultValue 0 */
  readonly starts?: readonly number[] | undefined;
}

/** How a stack is run. */
export interface StackCall extends ForwardOptions {
  readonly causal: boolean;
  /** What cross-attention sees: [B, M, E], or what attends to it in each layer, by its number. */
  readonly context?: Tensor | ((layer: number) => Recall) | undefined;
  readonly contextMask?: KeyMask | undefined;
  readonly depth: StackDepth;
  /** Sets the random masks of two stacks apart. @defaultValue 0 */
  readonly firstSlot?: number;
  /** Is given x and the output of each layer, before the final norm. They are its to keep: dispose of them, or return them from a scope. */
  readonly onState?: ((state: Tensor) => void) | undefined;
}

const INIT_OPTIONS = { cross: field.optional(field.boolean()), label: field.optional(LABEL) };
const INIT_STACK = {
  init: INIT,
  config: STACK_CONFIG,
  depth: field.object(DEPTH),
  options: field.options<typeof INIT_OPTIONS>(INIT_OPTIONS),
};
const ARGUMENTS = { x: field.tensor("[B, N, E]"), p: STACK, config: STACK_CONFIG, call: field.object(STACK_CALL) };

/** @param cross - the layers attend to an encoder */
export function initStack(
  init: Initializer,
  config: StackConfig,
  depth: StackDepth,
  options: { readonly cross?: boolean; readonly label?: string } = {},
): StackParameters {
  checkCall("initStack", INIT_STACK, arguments);
  checkHeads("initStack", config);
  const { cross = false, label = "" } = options;
  const gains = depthGains(config.norm, depth);
  return init.all(() => ({
    layers: Array.from({ length: config.layers }, (_, i) =>
      initLayer(init, config, gains, cross, `${label}layers.${i}`),
    ),
    ...(config.finalNorm ? { norm: initNorm(init, config.dim, `${label}norm`) } : {}),
  }));
}

/** x [B, N, E] through all layers and the final norm: [B, N, E]. Frees x, unless `onState` has it. */
export function runStack(x: Tensor, p: StackParameters, config: StackConfig, call: StackCall): Tensor {
  checkCall("runStack", ARGUMENTS, arguments);
  checkLastAxis("runStack", x, config.dim);
  checkHeads("runStack", config);
  const [B = 1, N = 0] = x.shape;
  checkMask("runStack: keyMask", call.keyMask, B, [N]);
  checkBounds("runStack", call.cuSeqlens, N);
  checkSource("runStack", x, call.context, call.contextMask);
  const { device } = x;
  const attention = attentionOptions(config, call);
  const { alpha }: DepthGains = depthGains(config.norm, call.depth);
  const plans = noisePlans(config, call.dropoutSeed, call.firstSlot);
  const [encoded, recallAt] = call.context instanceof Tensor ? [call.context, undefined] : [undefined, call.context];
  let y = x;
  call.onState?.(y);
  p.layers.forEach((layer, i) => {
    const run = (input: Tensor, context?: Tensor): Tensor =>
      transformerLayer(input, layer, config, {
        attention: { ...attention, attend: attendOf(call, i) },
        context: context ?? (recallAt && recallOf(recallAt, i)),
        contextMask: call.contextMask,
        alpha,
        plan: plans(i),
      });
    const next = device.scope(() => runLayer(run, config.checkpointing, y, encoded));
    if (!call.onState) y.dispose(); // the tape keeps handles of its own on what backward needs
    y = next;
    call.onState?.(y);
  });
  return p.norm ? layerNorm(y, p.norm.weight, p.norm.bias, { eps: config.eps }) : y;
}

function attendOf({ attend }: StackCall, layer: number): Attend | undefined {
  const found = attend?.(layer);
  checkArgument("runStack", "what attend returns", field.optional(field.func("of q, k and v")), found ?? NOTHING);
  return found;
}

function recallOf(recallAt: (layer: number) => Recall, layer: number): Recall {
  const found = recallAt(layer);
  checkArgument("runStack", "what context returns", field.func("of q"), found);
  return found;
}

const NOTHING = (): undefined => undefined;

function runLayer(
  run: (x: Tensor, context?: Tensor) => Tensor,
  checkpointing: boolean,
  x: Tensor,
  context: Tensor | undefined,
): Tensor {
  if (!checkpointing) return run(x, context);
  return context ? checkpoint(run, x, context) : checkpoint((input: Tensor) => run(input), x);
}

/** Options of every layer's self-attention. */
export function attentionOptions(
  config: StackConfig,
  call: ForwardOptions & { readonly causal: boolean },
): DilatedAttentionCall {
  const { branches, headOffset, remainder, gradient } = config;
  const { keyMask, cuSeqlens, causal } = call;
  return { branches, headOffset, remainder, gradient, causal, keyMask, cuSeqlens };
}

/** Frees every tensor of a tree of parameters. */
export function disposeTree(tree: unknown): void {
  if (tree && typeof tree === "object" && "dispose" in tree) (tree as Tensor).dispose();
  else if (tree && typeof tree === "object") Object.values(tree).forEach(disposeTree);
}

import { checkpoint, type Device, ShapeError, type Tensor } from "@dilated/core";
import { crossEntropy, embedding, layerNorm, linear } from "@dilated/kernels";
import { magnetoGain } from "../init/magneto.ts";
import { type Attend, type AttentionShape, attendSequence } from "../layers/attention-block.ts";
import {
  type DecoderLayerParameters,
  type DropoutPlan,
  decoderLayer,
  initDecoderLayer,
} from "../layers/decoder-layer.ts";
import { Initializer, initNorm, type NormParameters } from "../layers/parameters.ts";
import { type LongNetLMConfig, type LongNetLMOptions, resolveLongNetLM } from "./config.ts";
import { splitTokens } from "./tokens.ts";

/** Weights of a LongNetLM, by name. */
export interface LongNetLMParameters {
  /** [V, E] */
  readonly embedding: Tensor;
  readonly layers: readonly DecoderLayerParameters[];
  readonly norm: NormParameters;
  /** [V, E]; absent when tied to the embedding. */
  readonly output?: Tensor;
}

/** How one forward pass is run. */
export interface ForwardOptions {
  /** Turns dropout on and seeds its masks; leave out for evaluation. */
  readonly dropoutSeed?: number;
  /** Replaces the attention of each layer, by its number; decoding with a cache does. @defaultValue rotate, and attend over the whole sequence */
  readonly attend?: (layer: number) => Attend;
}

/**
 * Decoder-only LongNet language model: pre-LN layers with sub-LN, causal dilated attention, MAGNETO initialisation.
 *
 * @see LongNet (arXiv 2307.02486), MAGNETO (arXiv 2210.06423)
 */
export class LongNetLM {
  readonly kind = "longnet-lm";
  readonly device: Device;
  readonly config: LongNetLMConfig;
  readonly parameters: LongNetLMParameters;
  readonly #shape: AttentionShape;
  /** Attention over whole sequences. */
  readonly attend: Attend;

  /** Use {@link createLongNetLM}. */
  constructor(device: Device, config: LongNetLMConfig, parameters: LongNetLMParameters) {
    this.device = device;
    this.config = config;
    this.parameters = parameters;
    const { dim, heads, kvHeads, position, eps } = config;
    this.#shape = { dim, heads, kvHeads, position, eps };
    this.attend = attendSequence(position, { branches: config.branches, causal: true });
  }

  /** tokens [B, N] (i32) -> final hidden states [B, N, E] */
  hidden(tokens: Tensor, options: ForwardOptions = {}): Tensor {
    const { checkpointing, eps } = this.config;
    const plan = dropoutPlan(this.config.dropout, options.dropoutSeed);
    let x = embedding(this.parameters.embedding, tokens);
    this.parameters.layers.forEach((layer, i) => {
      const layerPlan = plan?.(i);
      const attend = options.attend?.(i) ?? this.attend;
      const run = (input: Tensor) => decoderLayer(input, layer, this.#shape, attend, layerPlan?.());
      x = this.device.scope(() => (checkpointing ? checkpoint(run, x) : run(x)));
    });
    return layerNorm(x, this.parameters.norm.weight, this.parameters.norm.bias, { eps });
  }

  /** tokens [B, N] (i32) -> logits [B, N, V] */
  forward(tokens: Tensor, options: ForwardOptions = {}): Tensor {
    return this.project(this.hidden(tokens, options));
  }

  /** Hidden states [..., E] -> logits [..., V] */
  project(hidden: Tensor): Tensor {
    return linear(hidden, this.parameters.output ?? this.parameters.embedding);
  }

  /** Mean cross entropy, nats a token, of predicting tokens[:, 1:] from tokens[:, :-1]; tokens [B, N + 1] (i32). */
  loss(tokens: Tensor, options: ForwardOptions = {}): Tensor {
    if (tokens.rank !== 2 || (tokens.shape[1] ?? 0) < 2) {
      throw new ShapeError("LongNetLM.loss: tokens must be [B, N + 1] with N >= 1", {
        details: [String(tokens)],
        fix: "pass one more token than the context",
      });
    }
    const { inputs, targets } = splitTokens(tokens);
    return crossEntropy(this.forward(inputs, options), targets);
  }

  /** Frees the weights. */
  dispose(): void {
    const drop = (value: unknown): void => {
      if (value && typeof value === "object" && "dispose" in value) (value as Tensor).dispose();
      else if (value && typeof value === "object") Object.values(value).forEach(drop);
    };
    drop(this.parameters);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Makes a model with fresh weights.
 *
 * @throws ConfigError that lists every bad field.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { geometricBranches } from "@dilated/kernels";
 * import { createLongNetLM } from "@dilated/models";
 * using device = await openDevice();
 * const model = createLongNetLM(device, { dim: 96, layers: 3, heads: 4, branches: geometricBranches({ from: 256, to: 4096 }) }, { seed: 1 });
 * ```
 */
export function createLongNetLM(
  device: Device,
  options: LongNetLMOptions,
  { seed = 0 }: { seed?: number } = {},
): LongNetLM {
  const config = resolveLongNetLM(options);
  const init = new Initializer(device, seed);
  const gain = magnetoGain(config.layers);
  const { dim, vocab } = config;
  const parameters: LongNetLMParameters = {
    embedding: init.normal([vocab, dim], dim ** -0.5, "embedding"),
    layers: Array.from({ length: config.layers }, (_, i) =>
      initDecoderLayer(init, config, config.hidden, gain, `layers.${i}`),
    ),
    norm: initNorm(init, dim, "norm"),
    ...(config.tied ? {} : { output: init.normal([vocab, dim], dim ** -0.5, "output") }),
  };
  return new LongNetLM(device, config, parameters);
}

/** layer -> a fresh plan each time it is asked, so that recomputation in backward draws the same masks. */
function dropoutPlan(p: number, seed: number | undefined): ((layer: number) => () => DropoutPlan) | undefined {
  if (p === 0 || seed === undefined) return undefined;
  return (layer) => () => {
    let use = 0;
    return { p, nextSeed: () => seed * 4096 + layer * 16 + use++ };
  };
}

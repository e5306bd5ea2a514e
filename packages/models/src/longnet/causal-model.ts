import { checkOptions, type Device, DisposedByUsing, ShapeError, type Tensor } from "@dilated/core";
import { crossEntropy, linear } from "@dilated/kernels";
import { checkInput, embedInput, type InputParameters, initInput } from "../layers/embedding.ts";
import type { Initializer } from "../layers/parameters.ts";
import { splitTokens } from "../longnet-lm/tokens.ts";
import { FORWARD_OPTIONS } from "../stack/forward-options.ts";
import { disposeTree, type ForwardOptions, initStack, runStack, type StackParameters } from "../stack/stack.ts";
import type { LongNetDecoderConfig } from "./decoder.config.ts";

/** Weights of a causal model, by name. */
export interface CausalParameters extends InputParameters, StackParameters {
  /** [V, E] */
  readonly embedding: Tensor;
  /** [V, E]; absent when tied to the embedding. */
  readonly output?: Tensor;
}

/** What LongNetDecoder and LongNetLM share: tokens in, logits and loss out, each token seeing itself and earlier ones. */
export class CausalModel<Kind extends string> extends DisposedByUsing {
  readonly kind: Kind;
  readonly device: Device;
  readonly config: LongNetDecoderConfig;
  readonly parameters: CausalParameters;

  constructor(kind: Kind, device: Device, config: LongNetDecoderConfig, parameters: CausalParameters) {
    super();
    this.kind = kind;
    this.device = device;
    this.config = config;
    this.parameters = parameters;
  }

  /** tokens [B, N] (i32) -> final hidden states [B, N, E] */
  hidden(tokens: Tensor, options: ForwardOptions = {}): Tensor {
    checkOptions(this.constructor.name, FORWARD_OPTIONS, options);
    const { config, parameters } = this;
    checkInput(`${this.constructor.name}.forward`, tokens, config);
    const depth = { role: "decoder", layers: config.layers } as const;
    return this.device.scope(() =>
      runStack(embedInput(tokens, parameters, config, options), parameters, config, {
        ...options,
        causal: true,
        depth,
      }),
    );
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
      throw new ShapeError(`${this.constructor.name}.loss: tokens must be [B, N + 1] with N >= 1`, {
        details: [String(tokens)],
        fix: "pass one more token than the context",
      });
    }
    const { inputs, targets } = splitTokens(tokens);
    return crossEntropy(this.forward(inputs, options), targets);
  }

  /** Frees the weights. */
  dispose(): void {
    disposeTree(this.parameters);
  }
}

/** Fresh weights of a causal model. */
export function initCausal(init: Initializer, config: LongNetDecoderConfig): CausalParameters {
  const { dim, vocab } = config;
  const { embedding, ...input } = initInput(init, config);
  return {
    embedding: embedding ?? init.normal([vocab, dim], dim ** -0.5, "embedding"),
    ...input,
    ...initStack(init, config, { role: "decoder", layers: config.layers }),
    ...(config.tied ? {} : { output: init.normal([vocab, dim], dim ** -0.5, "output") }),
  };
}

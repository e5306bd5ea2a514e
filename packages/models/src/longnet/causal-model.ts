import { checkCall, type Device, DisposedByUsing, field, type Schema, type Tensor } from "@dilated/core";
import { linear, linearCrossEntropy } from "@dilated/kernels";
import { checkInput, embedInput, type InputParameters, initInput } from "../layers/embedding.ts";
import { checkLastAxis } from "../layers/feed-forward.ts";
import type { Initializer } from "../layers/parameters.ts";
import { INPUTS, nextTokenCall, TOKEN_BATCH, type TokenInputs } from "../longnet-lm/tokens.ts";
import { CONFIG, TOWER } from "../options/kinds.ts";
import { FORWARD } from "../stack/forward-options.ts";
import { disposeTree, type ForwardOptions, initStack, runStack, type StackParameters } from "../stack/stack.ts";
import type { LongNetDecoderConfig } from "./decoder.config.ts";

/** Weights of a causal model, by name. */
export interface CausalParameters extends InputParameters, StackParameters {
  /** [V, E] */
  readonly embedding: Tensor;
  /** [V, E]; absent when tied to the embedding. */
  readonly output?: Tensor;
}

/** What makes one of its classes. */
export const MODEL: Schema = { device: field.device(), config: CONFIG, parameters: TOWER };
const CONSTRUCTOR = { kind: field.string(), ...MODEL };
const TOKENS = field.tensor('tokens [B, N], made with device.tensor(ids, [B, N], { dtype: "i32" })');
const HIDDEN = { tokens: TOKENS, options: FORWARD };
const PROJECT = { hidden: field.tensor("states [..., E], as hidden() gives them") };
const LOSS = { batch: field.either(TOKENS, field.object(INPUTS), TOKEN_BATCH), options: FORWARD };

/** What LongNetDecoder and LongNetLM share: tokens in, logits and loss out, each token seeing itself and earlier ones. */
export class CausalModel<Kind extends string> extends DisposedByUsing {
  readonly kind: Kind;
  readonly device: Device;
  readonly config: LongNetDecoderConfig;
  readonly parameters: CausalParameters;

  constructor(kind: Kind, device: Device, config: LongNetDecoderConfig, parameters: CausalParameters) {
    super();
    checkCall(new.target.name, CONSTRUCTOR, arguments);
    this.kind = kind;
    this.device = device;
    this.config = config;
    this.parameters = parameters;
  }

  /** tokens [B, N] (i32) -> final hidden states [B, N, E] */
  hidden(tokens: Tensor, options: ForwardOptions = {}): Tensor {
    checkCall(`${this.constructor.name}.hidden`, HIDDEN, arguments, this.device);
    return hiddenOf(this, "hidden", tokens, options);
  }

  /** tokens [B, N] (i32) -> logits [B, N, V] */
  forward(tokens: Tensor, options: ForwardOptions = {}): Tensor {
    checkCall(`${this.constructor.name}.forward`, HIDDEN, arguments, this.device);
    return this.device.scope(() => this.project(hiddenOf(this, "forward", tokens, options)));
  }

  /** Hidden states [..., E] -> logits [..., V] */
  project(hidden: Tensor): Tensor {
    checkCall(`${this.constructor.name}.project`, PROJECT, arguments, this.device);
    checkLastAxis(`${this.constructor.name}.project`, hidden, this.config.dim);
    return linear(hidden, this.parameters.output ?? this.parameters.embedding);
  }

  /**
   * Mean cross entropy, nats a token that counts, of predicting tokens[:, 1:] from tokens[:, :-1]. Logits are never
   * there as a whole (`linearCrossEntropy`).
   *
   * What does not count: labels of -100 or -1; padding (`keyMask`) and what stands behind it; the first token of each
   * packed document (`cuSeqlens`).
   * Documents that are packed or padded on the right thus have the loss, and the gradient, that they have alone.
   *
   * An id outside the vocabulary gives NaN: ids on the device cannot be looked at without waiting for it. `train`
   * checks those that it gets as arrays.
   *
   * @param batch - tokens [B, N + 1] (i32), or an object with `tokens`, `labels`, `keyMask` and `cuSeqlens`
   * @param options - `keyMask` [B, N + 1], one value a token, or [B, N], one an input, where the last token counts if
   * the input before it does; `cuSeqlens` from
   * 0 to N + 1, or to N
   * @throws ShapeError, ConfigError for labels, masks and boundaries that do not fit.
   */
  loss(batch: Tensor | TokenInputs, options: ForwardOptions = {}): Tensor {
    checkCall(`${this.constructor.name}.loss`, LOSS, arguments, this.device);
    return this.device.scope(() => {
      const { inputs, targets, ...masks } = nextTokenCall(`${this.constructor.name}.loss`, batch, options);
      const hidden = hiddenOf(this, "loss", inputs, { ...options, ...masks });
      return linearCrossEntropy(hidden, this.parameters.output ?? this.parameters.embedding, targets);
    });
  }

  /** Frees the weights. */
  dispose(): void {
    disposeTree(this.parameters);
  }
}

/** No private method: a model over other weights may be an object that inherits from this one. */
function hiddenOf(model: CausalModel<string>, method: string, tokens: Tensor, options: ForwardOptions): Tensor {
  const { config, parameters } = model;
  checkInput(`${model.constructor.name}.${method}`, tokens, config, options);
  const depth = { role: "decoder", layers: config.layers } as const;
  return model.device.scope(() =>
    runStack(embedInput(tokens, parameters, config, options), parameters, config, {
      ...options,
      causal: true,
      depth,
    }),
  );
}

/** Fresh weights of a causal model. */
export function initCausal(init: Initializer, config: LongNetDecoderConfig): CausalParameters {
  const { dim, vocab } = config;
  return init.all(() => {
    const { embedding, ...input } = initInput(init, config);
    return {
      embedding: embedding ?? init.normal([vocab, dim], dim ** -0.5, "embedding"),
      ...input,
      ...initStack(init, config, { role: "decoder", layers: config.layers }),
      ...(config.tied ? {} : { output: init.normal([vocab, dim], dim ** -0.5, "output") }),
    };
  });
}

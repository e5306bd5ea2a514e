import {
  ConfigError,
  checkCall,
  type Device,
  DisposedByUsing,
  type FieldsOf,
  field,
  ShapeError,
  Tensor,
} from "@dilated/core";
import { type KeyMask, linear, linearCrossEntropy } from "@dilated/kernels";
import { checkInput, embedInput, type InputParameters, initInput } from "../layers/embedding.ts";
import { checkMask } from "../layers/masks.ts";
import { Initializer } from "../layers/parameters.ts";
import { INPUTS, nextTokenCall, TOKEN_BATCH, type TokenInputs } from "../longnet-lm/tokens.ts";
import { CONFIG, TOWER } from "../options/kinds.ts";
import { CREATE, ENCODER_DECODER_OPTIONS, KEY_MASK } from "../stack/forward-options.ts";
import { disposeTree, type ForwardOptions, initStack, runStack, type StackParameters } from "../stack/stack.ts";
import { initLongNetEncoder, type LongNetEncoderParameters } from "./encoder.ts";
import { type LongNetConfig, type LongNetOptions, longnetConfig } from "./longnet.config.ts";

/** Weights of a LongNet, by name. */
export interface LongNetParameters {
  readonly encoder: LongNetEncoderParameters;
  readonly decoder: InputParameters & StackParameters & { readonly embedding: Tensor; readonly output?: Tensor };
}

/** How one forward pass is run; `keyMask` is of the target. */
export interface LongNetForwardOptions extends ForwardOptions {
  /** [B, M]: source tokens that count. @defaultValue every token */
  readonly sourceMask?: KeyMask | undefined;
}

/** A batch of an encoder-decoder. */
export interface SourceAndTarget {
  /** [B, M] (i32), alone or with its padding. */
  readonly source: Tensor | Pick<TokenInputs, "tokens" | "keyMask">;
  /** [B, N + 1] (i32), alone or with labels and padding. */
  readonly target: Tensor | TokenInputs;
}

const TOKENS = field.tensor("tokens [B, N] of dtype i32");
const CONTEXT = field.tensor("[B, M, E], what encode() gave");
const OPTIONS = field.options<LongNetForwardOptions>(ENCODER_DECODER_OPTIONS);
const CONSTRUCTOR = {
  device: field.device(),
  config: CONFIG,
  parameters: field.object({ encoder: TOWER, decoder: TOWER }),
};
const ENCODE = { source: TOKENS, options: OPTIONS };
const DECODE = { target: TOKENS, context: CONTEXT, options: OPTIONS };
const FORWARD = { source: TOKENS, target: TOKENS, options: OPTIONS };
const SOURCE: FieldsOf<Pick<TokenInputs, "tokens" | "keyMask">> = { tokens: TOKENS, keyMask: KEY_MASK };
const BATCH: FieldsOf<SourceAndTarget> = {
  source: field.either(
    TOKENS,
    field.object(SOURCE),
    "a Tensor: tokens [B, M] of dtype i32; or an object of tokens, keyMask",
  ),
  target: field.either(TOKENS, field.object(INPUTS), TOKEN_BATCH),
};
const LOSS = { batch: field.object(BATCH), options: OPTIONS };

/** A query of one document must not see the source of another, and cross-attention knows no boundaries. */
function refusePacking(...given: readonly object[]): void {
  if (!given.some((one) => (one as TokenInputs).cuSeqlens !== undefined)) return;
  throw new ConfigError("LongNet: an encoder-decoder takes no packed sequences", {
    details: ["cuSeqlens: cross-attention would let each target see every source"],
    fix: "give each pair a row of its own, padded: keyMask and sourceMask",
  });
}

/** Encoder-decoder LongNet: bidirectional over the source, causal over the target, dense cross-attention between them. */
export class LongNet extends DisposedByUsing {
  readonly kind = "longnet";
  readonly device: Device;
  readonly config: LongNetConfig;
  readonly parameters: LongNetParameters;

  /** Use {@link createLongNet}. */
  constructor(device: Device, config: LongNetConfig, parameters: LongNetParameters) {
    super();
    checkCall("LongNet", CONSTRUCTOR, arguments);
    this.device = device;
    this.config = config;
    this.parameters = parameters;
  }

  /** source tokens [B, M] (i32) -> what the decoder attends to, [B, M, E] */
  encode(source: Tensor, options: LongNetForwardOptions = {}): Tensor {
    checkCall("LongNet.encode", ENCODE, arguments, this.device);
    refusePacking(options);
    const { dropoutSeed, sourceMask } = options;
    const [B = 1, M = 0] = source.shape;
    checkMask("LongNet: sourceMask", sourceMask, B, [M]);
    const { encoder: config, decoder } = this.config;
    const { encoder } = this.parameters;
    checkInput("LongNet.encode", source, { vocab: this.config.decoder.vocab, dim: config.dim });
    const call = { dropoutSeed, keyMask: sourceMask };
    const depth = { role: "encoder", layers: config.layers, other: decoder.layers } as const;
    const embedding = encoder.embedding ?? this.parameters.decoder.embedding;
    return this.device.scope(() =>
      runStack(embedInput(source, { ...encoder, embedding }, config, call), encoder, config, {
        ...call,
        causal: false,
        depth,
      }),
    );
  }

  /** target tokens [B, N] (i32), encoded source [B, M, E] -> logits [B, N, V] */
  decode(target: Tensor, context: Tensor, options: LongNetForwardOptions = {}): Tensor {
    checkCall("LongNet.decode", DECODE, arguments, this.device);
    const { decoder: p } = this.parameters;
    return this.device.scope(() => linear(this.hidden(target, context, options), p.output ?? p.embedding));
  }

  /** target tokens [B, N] (i32), encoded source [B, M, E] -> final hidden states [B, N, E] */
  hidden(target: Tensor, context: Tensor, options: LongNetForwardOptions = {}): Tensor {
    checkCall("LongNet.hidden", DECODE, arguments, this.device);
    const { encoder, decoder: config } = this.config;
    const { decoder: p } = this.parameters;
    checkInput("LongNet.decode", target, config, options);
    if (context.rank !== 3 || context.shape[2] !== config.dim) {
      throw new ShapeError(`LongNet.decode: context must be [B, M, ${config.dim}]`, {
        details: [`context: ${context}`],
        fix: "pass what encode() gave",
      });
    }
    const { sourceMask: contextMask, ...call } = options;
    const [B = 1, M = 0] = context.shape;
    if (B !== target.shape[0]) {
      throw new ShapeError("LongNet: source and target must be pairs, a row of each", {
        details: [`source: ${B} rows`, `target: ${target.shape[0]} rows`],
        fix: "give as many sources as targets",
      });
    }
    checkMask("LongNet: sourceMask", contextMask, B, [M]);
    refusePacking(options);
    const depth = { role: "decoder", layers: config.layers, other: encoder.layers } as const;
    const firstSlot = encoder.layers + 1; // behind the encoder's slots
    return this.device.scope(() => {
      const x = embedInput(target, p, config, call, firstSlot);
      return runStack(x, p, config, { ...call, causal: true, context, contextMask, depth, firstSlot });
    });
  }

  /** source [B, M] and target [B, N] tokens (i32) -> logits [B, N, V] */
  forward(source: Tensor, target: Tensor, options: LongNetForwardOptions = {}): Tensor {
    checkCall("LongNet.forward", FORWARD, arguments, this.device);
    return this.device.scope(() => this.decode(target, this.encode(source, options), options));
  }

  /**
   * Mean cross entropy, nats a token that counts, of predicting target[:, 1:] from the source and target[:, :-1]; what
   * counts, `CausalModel.loss` says.
   *
   * @param batch - source [B, M], target [B, N + 1] (i32) with a start token in front; or objects with `tokens` and
   * `keyMask`, the target's also with `labels`
   * @param options - `keyMask` is of the target, as in `CausalModel.loss`; `sourceMask` [B, M]
   * @throws ShapeError, ConfigError for labels and masks that do not fit, and for `cuSeqlens`.
   */
  loss(batch: SourceAndTarget, options: LongNetForwardOptions = {}): Tensor {
    checkCall("LongNet.loss", LOSS, arguments, this.device);
    const { source, target } = batch;
    const { tokens, keyMask: own } = source instanceof Tensor ? { tokens: source } : source;
    if (own !== undefined && options.sourceMask !== undefined) {
      throw new ConfigError("LongNet.loss: the source's mask is given twice", {
        details: ["source.keyMask in the batch, and the option sourceMask"],
        fix: "leave one out",
      });
    }
    refusePacking(options, source, target);
    return this.device.scope(() => {
      const { inputs, targets, keyMask } = nextTokenCall("LongNet.loss", target, options);
      const sourceMask = own ?? options.sourceMask;
      const call = { ...options, keyMask, sourceMask };
      const hidden = this.hidden(inputs, this.encode(tokens, call), call);
      const { decoder: p } = this.parameters;
      return linearCrossEntropy(hidden, p.output ?? p.embedding, targets);
    });
  }

  /** Frees the weights. */
  dispose(): void {
    disposeTree(this.parameters);
  }
}

/**
 * Makes an encoder-decoder with fresh weights.
 *
 * @throws ConfigError that lists every bad field.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createLongNet } from "@dilated/models";
 * const device = await openDevice();
 * const half = { dim: 32, layers: 2, heads: 4, branches: [{ segment: 16, dilation: 1 }], position: "xpos" } as const;
 * const model = createLongNet(device, { encoder: half, decoder: { ...half, vocab: 64 } });
 * const [source, target] = [[1, 2, 3, 4, 5], [6, 7, 8]].map((ids) => device.tensor(ids, [1, ids.length], { dtype: "i32" }));
 * const logits = model.forward(source, target); // [1, 3, 64]
 * device.dispose();
 * ```
 */
export function createLongNet(device: Device, config: LongNetOptions, options: { seed?: number } = {}): LongNet {
  checkCall("createLongNet", CREATE, arguments);
  const resolved = longnetConfig("createLongNet", config);
  return new LongNet(device, resolved, initLongNet(new Initializer(device, options.seed ?? 0), resolved));
}

/** Fresh weights of an encoder-decoder. */
export function initLongNet(init: Initializer, config: LongNetConfig): LongNetParameters {
  const { encoder, decoder, sharedEmbedding } = config;
  const { vocab, dim, layers, tied } = decoder;
  const table = (name: string): Tensor => init.normal([vocab, dim], dim ** -0.5, `decoder.${name}`);
  return init.all(() => {
    const { embedding: own, ...source } = initLongNetEncoder(init, encoder, "encoder.", decoder.layers);
    if (sharedEmbedding) own?.dispose();
    const { embedding = table("embedding"), ...input } = initInput(init, decoder, "decoder.");
    return {
      encoder: { ...(own && !sharedEmbedding ? { embedding: own } : {}), ...source },
      decoder: {
        embedding,
        ...input,
        ...initStack(
          init,
          decoder,
          { role: "decoder", layers, other: encoder.layers },
          { cross: true, label: "decoder." },
        ),
        ...(tied ? {} : { output: table("output") }),
      },
    };
  });
}

import { checkOptions, type Device, DisposedByUsing, ShapeError, type Tensor } from "@dilated/core";
import { crossEntropy, type KeyMask, linear } from "@dilated/kernels";
import { checkInput, embedInput, type InputParameters, initInput } from "../layers/embedding.ts";
import { Initializer } from "../layers/parameters.ts";
import { splitTokens } from "../longnet-lm/tokens.ts";
import { ENCODER_DECODER_OPTIONS, SEED_OPTIONS } from "../stack/forward-options.ts";
import { disposeTree, type ForwardOptions, initStack, runStack, type StackParameters } from "../stack/stack.ts";
import { initLongNetEncoder, type LongNetEncoderParameters } from "./encoder.ts";
import { type LongNetConfig, type LongNetOptions, resolveLongNet } from "./longnet.config.ts";

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

/** Encoder-decoder LongNet: bidirectional over the source, causal over the target, dense cross-attention between them. */
export class LongNet extends DisposedByUsing {
  readonly kind = "longnet";
  readonly device: Device;
  readonly config: LongNetConfig;
  readonly parameters: LongNetParameters;

  /** Use {@link createLongNet}. */
  constructor(device: Device, config: LongNetConfig, parameters: LongNetParameters) {
    super();
    this.device = device;
    this.config = config;
    this.parameters = parameters;
  }

  /** source tokens [B, M] (i32) -> what the decoder attends to, [B, M, E] */
  encode(source: Tensor, options: LongNetForwardOptions = {}): Tensor {
    checkOptions("LongNet.encode", ENCODER_DECODER_OPTIONS, options);
    const { dropoutSeed, sourceMask } = options;
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
    checkOptions("LongNet.decode", ENCODER_DECODER_OPTIONS, options);
    const { encoder, decoder: config } = this.config;
    const { decoder: p } = this.parameters;
    checkInput("LongNet.decode", target, config);
    const { sourceMask: contextMask, ...call } = options;
    const depth = { role: "decoder", layers: config.layers, other: encoder.layers } as const;
    const firstSlot = encoder.layers + 1; // behind the encoder's slots
    return this.device.scope(() => {
      const x = embedInput(target, p, config, call, firstSlot);
      const hidden = runStack(x, p, config, { ...call, causal: true, context, contextMask, depth, firstSlot });
      return linear(hidden, p.output ?? p.embedding);
    });
  }

  /** source [B, M] and target [B, N] tokens (i32) -> logits [B, N, V] */
  forward(source: Tensor, target: Tensor, options: LongNetForwardOptions = {}): Tensor {
    return this.device.scope(() => this.decode(target, this.encode(source, options), options));
  }

  /**
   * Mean cross entropy, nats a token, of predicting target[:, 1:] from the source and target[:, :-1].
   *
   * @param batch - source [B, M], target [B, N + 1] (i32)
   */
  loss(batch: { readonly source: Tensor; readonly target: Tensor }, options: LongNetForwardOptions = {}): Tensor {
    const { source, target } = batch;
    if (target.rank !== 2 || (target.shape[1] ?? 0) < 2) {
      throw new ShapeError("LongNet.loss: target must be [B, N + 1] with N >= 1", {
        details: [String(target)],
        fix: "pass a start token in front",
      });
    }
    const { inputs, targets } = splitTokens(target);
    return crossEntropy(this.forward(source, inputs, options), targets);
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
  checkOptions("createLongNet", SEED_OPTIONS, options);
  const resolved = resolveLongNet(config);
  return new LongNet(device, resolved, initLongNet(new Initializer(device, options.seed ?? 0), resolved));
}

/** Fresh weights of an encoder-decoder. */
export function initLongNet(init: Initializer, config: LongNetConfig): LongNetParameters {
  const { encoder, decoder, sharedEmbedding } = config;
  const { vocab, dim, layers, tied } = decoder;
  const table = (name: string): Tensor => init.normal([vocab, dim], dim ** -0.5, `decoder.${name}`);
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
}

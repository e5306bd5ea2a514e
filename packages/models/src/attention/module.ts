import { checkCall, checkConfig, type Device, DisposedByUsing, type Field, field, type Tensor } from "@dilated/core";
import type { KeyMask } from "@dilated/kernels";
import { type AttentionParameters, checkOperands, multiheadDilatedAttention } from "../layers/attention-block.ts";
import { checkBounds, checkMask } from "../layers/masks.ts";
import { ATTENTION, CONFIG, checkSameParameters } from "../options/kinds.ts";
import { disposeTree } from "../stack/stack.ts";
import {
  ATTENTION_KINDS,
  type AttentionKind,
  type MultiheadConfig,
  type MultiheadConfigByKind,
  PATTERNS,
} from "./config.ts";

/** What one pass of {@link MultiheadDilatedAttention} may be told. */
export interface MultiheadForwardOptions {
  /** [B, M, E], whose keys are attended to; M may differ from N, positions then count from 0 on both sides. @defaultValue the query */
  readonly key?: Tensor | undefined;
  /** [B, M, E]. @defaultValue the key */
  readonly value?: Tensor | undefined;
  /** [B, M]: keys that are 0 are not attended to. @defaultValue every key counts */
  readonly keyMask?: KeyMask | undefined;
  /** Boundaries of sequences packed along N, from 0 to N. @defaultValue one sequence */
  readonly cuSeqlens?: readonly number[] | Int32Array | undefined;
  /** @defaultValue as configured */
  readonly causal?: boolean | undefined;
  /** Turns dropout on and seeds it; leave out for evaluation. */
  readonly dropoutSeed?: number | undefined;
  /** Gives each of several modules masks of its own under one seed: 0 to 65,535. @defaultValue 0 */
  readonly dropoutStream?: number | undefined;
}

const tensor = field.optional(field.tensor("[B, M, E]"));
const schema = {
  key: tensor,
  value: tensor,
  keyMask: field.optional(field.either(field.tensor(), field.numbers()) as Field<KeyMask>),
  cuSeqlens: field.optional(field.numbers() as Field<readonly number[] | Int32Array>),
  causal: field.optional(field.boolean()),
  dropoutSeed: field.optional(field.nonNegativeInteger()),
  dropoutStream: field.withDefault(field.nonNegativeInteger(65_535), 0),
};
const FORWARD = { query: field.tensor("[B, N, E]"), options: field.options<MultiheadForwardOptions>(schema) };
const PARAMETERS = { parameters: ATTENTION };
const CONSTRUCTOR = {
  kind: field.oneOf(ATTENTION_KINDS),
  device: field.device(),
  config: CONFIG,
  ...PARAMETERS,
};

/**
 * Multi-head attention with weights of its own, in the place of a standard multi-head module: query, key and value projections, attention along the branches,
 * sub-LN, output projection. Self-attention, cross-attention, grouped-query heads, masks, packed sequences.
 *
 * @see LongNet (arXiv 2307.02486), equations 3 to 15
 */
export class MultiheadDilatedAttention<K extends AttentionKind = AttentionKind> extends DisposedByUsing {
  readonly kind: K;
  readonly device: Device;
  readonly config: MultiheadConfigByKind[K];
  readonly parameters: AttentionParameters;

  /** Use `createAttention`. */
  constructor(kind: K, device: Device, config: MultiheadConfigByKind[K], parameters: AttentionParameters) {
    super();
    checkCall("MultiheadDilatedAttention", CONSTRUCTOR, arguments);
    this.kind = kind;
    this.device = device;
    this.config = config;
    this.parameters = parameters;
  }

  /**
   * query [B, N, E] -> [B, N, E]
   *
   * @throws ConfigError for unknown options; ShapeError when key and value do not fit; errors of `dilatedAttention` for masks and boundaries.
   */
  forward(query: Tensor, options: MultiheadForwardOptions = {}): Tensor {
    const { config, parameters } = this;
    checkCall("MultiheadDilatedAttention.forward", FORWARD, arguments, this.device);
    const given = checkConfig("MultiheadDilatedAttention.forward", schema, options);
    const { dropoutSeed: seed, dropoutStream: stream, causal = config.causal, ...operands } = given;
    checkOperands(
      "MultiheadDilatedAttention.forward",
      query,
      given.key ?? query,
      given.value ?? given.key ?? query,
      config.dim,
    );
    const [B = 1, N = 0] = query.shape;
    checkMask("MultiheadDilatedAttention.forward: keyMask", given.keyMask, B, [(given.key ?? query).shape[1] ?? 0]);
    checkBounds("MultiheadDilatedAttention.forward", given.cuSeqlens, N);
    const tokens = Math.max(query.shape[1] ?? 1, given.key?.shape[1] ?? 1);
    const pattern = PATTERNS[this.kind](config, tokens);
    const dropout = seed === undefined || config.dropout === 0 ? undefined : { p: config.dropout, seed, stream };
    const shape: MultiheadConfig = config;
    const call = { ...pattern, ...operands, causal, dropout };
    return this.device.scope(() => multiheadDilatedAttention(query, parameters, shape, call));
  }

  /** The same module over other weights of the same shapes, which stay the caller's to free: what a `Trainable`'s loss needs. */
  withParameters(parameters: AttentionParameters): MultiheadDilatedAttention<K> {
    checkCall("MultiheadDilatedAttention.withParameters", PARAMETERS, arguments, this.device);
    checkSameParameters("MultiheadDilatedAttention.withParameters", parameters, this.parameters);
    return new MultiheadDilatedAttention(this.kind, this.device, this.config, parameters);
  }

  /** Frees the weights. */
  dispose(): void {
    disposeTree(this.parameters);
  }
}

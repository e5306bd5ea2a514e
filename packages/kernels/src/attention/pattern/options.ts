import { RANDOM_DOMAINS, seedKey, type Tensor } from "@dilated/core";
import { checkAttentionOptions } from "./validate.ts";

/** One branch of dilated attention: segments of `segment` tokens, of which every `dilation`-th is kept. */
export interface Branch {
  /** Segment length w in tokens, >= 1. May be longer than the sequence. */
  readonly segment: number;
  /** Dilation r, >= 1. Need not divide the segment. */
  readonly dilation: number;
  /** As the `window` of the call, for this branch alone; both hold where both are given. @defaultValue unlimited */
  readonly window?: Window | undefined;
}

/**
 * How many tokens before and behind its own position a query sees: keys u with t - left <= u <= t + right. Integers
 * from 0, or Infinity. `[4096, 0]` is a causal window of 4,097 tokens.
 */
export type Window = readonly [left: number, right: number];

/** Anything with a shape: a tensor, or a stand-in where only sizes matter. */
export interface Shaped {
  readonly shape: readonly number[];
}

/**
 * Options of dilated attention over q `[B, N, H, D]`, k `[B, M, G, D]` and v `[B, M, G, Dv]`. All of them combine
 * freely, but for `remainder: "zeroPad"`, which needs as many keys as queries. Key u has position u; query t has
 * position t + `queryOffset`, and it is positions that segments and masks go by.
 *
 * A token t takes part in branch i for head h when `(t mod w_i) mod r_i == s_i(h)`; it then sees the tokens of its segment that take part.
 * The output is one softmax over the multiset union of the keys of all its branches. A row in no branch gives 0.
 *
 * @see Ding et al., "LongNet: Scaling Transformers to 1,000,000,000 Tokens" (arXiv 2307.02486), equations 3 to 15
 */
export interface DilatedAttentionOptions<Mask extends Shaped = Tensor> {
  /** At least one branch; see {@link geometricBranches}. A branch given twice counts twice. */
  readonly branches: readonly Branch[];
  /**
   * Offset s_i(h) of head h: `"modulo"` = h mod r_i (the paper), `"block"` = floor(h / ceil(H / r_i)) (torchscale, Prov-GigaPath).
   * @defaultValue "modulo"
   */
  readonly headOffset?: "modulo" | "block" | undefined;
  /**
   * `"truncate"`: the last segment is short and no padding enters a softmax. `"zeroPad"`: zero keys (score 0, value 0) fill a segment of
   * min(w, N) tokens up to a multiple of r, as torchscale does; `causal` hides them.
   * @defaultValue "truncate"
   */
  readonly remainder?: "truncate" | "zeroPad" | undefined;
  /**
   * `"exact"`: the gradient of the joint softmax. `"detached"`: the weights that merge the branches are held constant, as torchscale trains.
   * @defaultValue "exact"
   */
  readonly gradient?: "exact" | "detached" | undefined;
  /**
   * `"all"`: every head takes part in every branch. `"partitioned"`: the heads are split in contiguous groups, one branch each (the first H mod k
   * groups hold one head more), offset = branch index mod r, rows not selected give 0, and the result is divided by the number of branches:
   * the PyTorch `DilatedAttention` modules. It fixes the offsets, so it cannot be combined with `headOffset: "block"`.
   * @defaultValue "all"
   */
  readonly heads?: "all" | "partitioned" | undefined;
  /** A query sees keys at its own position and before it only. @defaultValue false */
  readonly causal?: boolean | undefined;
  /** Which keys around its position a query sees, in every branch. @defaultValue [Infinity, Infinity] */
  readonly window?: Window | undefined;
  /**
   * Position of the first query among the keys, of each sequence: M - N where queries are the last of the keys, as with
   * a cache. @defaultValue 0
   */
  readonly queryOffset?: number | undefined;
  /**
   * Bounds scores softly: s becomes softcap · tanh(s / softcap), s = scale·q·k. Finite and positive. @defaultValue no
   * bound
   */
  readonly softcap?: number | undefined;
  /** Factor of q·k; finite and positive. @defaultValue 1 / sqrt(D) */
  readonly scale?: number | undefined;
  /**
   * Drops attention weights with probability `p` in [0, 1) and scales the others by 1 / (1 - p). The choice is a function of
   * (seed, stream, batch row, head, t, u) alone: the same on every backend, tiling and number of ranks. `seed` is a non-negative safe integer;
   * `stream`, 0 to 65,535 (by default 0), gives calls under one seed, such as layers, masks of their own.
   * @defaultValue no dropout
   */
  readonly dropout?: { readonly p: number; readonly seed: number; readonly stream?: number } | undefined;
  /**
   * `[B, M]`: keys that are 0 take part in no softmax. A row that sees no key gives 0. @defaultValue every key counts
   */
  readonly keyMask?: Mask | undefined;
  /**
   * Boundaries of sequences packed along N, in tokens: never falls from 0 to N; the same for every batch row. No token
   * sees another sequence, and segments count from the start of each. A sequence may be empty.
   * @defaultValue one sequence of N tokens
   */
  readonly cuSeqlens?: readonly number[] | Int32Array | undefined;
  /**
   * Boundaries of the keys of the same sequences, from 0 to M. A sequence without keys gives 0.
   * @defaultValue those of `cuSeqlens`
   */
  readonly cuSeqlensK?: readonly number[] | Int32Array | undefined;
}

/** A branch with everything derived. */
export interface ResolvedBranch {
  /** Segment length, at most as long as the positions reach: longer ones are the same. */
  readonly w: number;
  /**
   * Dilation, at most the largest of those positions, H and the number of branches: larger ones are the same, and sums
   * with it stay small.
   */
  readonly r: number;
  /** A query at position t sees keys at t + low to t + high; -{@link NO_BOUND} and {@link NO_BOUND}: all. */
  readonly low: number;
  readonly high: number;
  /** Heads `[headStart, headEnd)` take part; all of them unless `heads` is `"partitioned"`. */
  readonly headStart: number;
  readonly headEnd: number;
  /** Offset s of each of the H heads. May be >= w: the head then has no row in this branch. */
  readonly offsets: readonly number[];
}

/** As bound of a difference of positions: none. Positions are less, so that sums with it are i32. */
export const NO_BOUND: number = 2 ** 30;

/** Half-open range of tokens. */
export interface TokenRange {
  readonly start: number;
  readonly end: number;
}

/**
 * One packed sequence: queries at places `[start, end)`, keys at places `[keyStart, keyEnd)`. The position of a key is
 * its place; that of a query its place plus `shift`.
 */
export interface Sequence extends TokenRange {
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly shift: number;
}

/** Dropout as the kernels take it: keep iff word >= threshold. */
export interface ResolvedDropout {
  readonly p: number;
  /** round(p · 2^32), at most 2^32 - 1. */
  readonly threshold: number;
  /** 1 / (1 - p) */
  readonly keepScale: number;
  readonly seedLow: number;
  readonly seedHigh: number;
  /** Fourth counter word: the domain of dropout, with the stream in its upper 16 bits. */
  readonly domain: number;
}

/** Shapes and options, checked and filled in: frozen plain data (it survives JSON), from which oracle, schedules and kernels work. */
export interface ResolvedAttention {
  readonly B: number;
  /** Queries. */
  readonly N: number;
  /** Keys. */
  readonly M: number;
  /** Query heads. */
  readonly H: number;
  /** Key/value heads; query head h reads head floor(h / (H / G)). */
  readonly G: number;
  /** Head dim of q and k. */
  readonly D: number;
  /** Head dim of v and out. */
  readonly Dv: number;
  readonly branches: readonly ResolvedBranch[];
  readonly zeroPad: boolean;
  readonly detached: boolean;
  /** Each head is in one branch: `headOffset` is "branch". */
  readonly partitioned: boolean;
  /** How `offsets` came about, for kernels that compute them: h mod r, floor(h / ceil(H / r)), or (partitioned) branch index mod r. */
  readonly headOffset: "modulo" | "block" | "branch";
  /** Some branch has bounds. */
  readonly bounded: boolean;
  readonly scale: number;
  readonly softcap: number | null;
  /** Factor of the output: 1, or 1 / number of branches when partitioned. */
  readonly outScale: number;
  readonly dropout: ResolvedDropout | null;
  readonly keyMask: boolean;
  /** Packed sequences in order; together their queries are [0, N) and their keys [0, M). */
  readonly sequences: readonly Sequence[];
}

/** Shapes of the operands of an attention call. */
export interface AttentionShapes {
  readonly q: readonly number[];
  readonly k: readonly number[];
  readonly v: readonly number[];
}

/**
 * Checks shapes and options and derives everything that follows from them, before any work is done.
 *
 * @param caller - Name of the public function, for the messages.
 * @throws ShapeError - a rank, shape, head count or `keyMask` shape is wrong
 * @throws LimitError - head_dim is over 256
 * @throws ConfigError - options are wrong; lists every bad field
 */
export function resolveAttentionOptions(
  caller: string,
  shapes: AttentionShapes,
  options: DilatedAttentionOptions<Shaped>,
): ResolvedAttention {
  checkAttentionOptions(caller, shapes, options);
  const [B, N, H, D] = shapes.q as [number, number, number, number];
  const [, M, G] = shapes.k as [number, number, number];
  const Dv = shapes.v[3] as number;
  const partitioned = options.heads === "partitioned";
  const count = options.branches.length;
  const headOffset = partitioned ? "branch" : (options.headOffset ?? "modulo");
  const span = Math.max(M, N + (options.queryOffset ?? 0));
  const branches = options.branches.map((branch, i) =>
    resolveBranch(branch, i, { span, H, count, headOffset, options }),
  );
  return Object.freeze({
    B,
    N,
    M,
    H,
    G,
    D,
    Dv,
    branches: Object.freeze(branches),
    zeroPad: options.remainder === "zeroPad",
    detached: options.gradient === "detached",
    partitioned,
    headOffset,
    bounded: branches.some(({ low, high }) => low > -NO_BOUND || high < NO_BOUND),
    scale: options.scale ?? 1 / Math.sqrt(D),
    softcap: options.softcap ?? null,
    outScale: partitioned ? 1 / count : 1,
    dropout: resolveDropout(options.dropout),
    keyMask: options.keyMask !== undefined,
    sequences: resolveSequences(options, N, M),
  });
}

function resolveSequences(
  { cuSeqlens, cuSeqlensK, queryOffset = 0 }: DilatedAttentionOptions<Shaped>,
  N: number,
  M: number,
): readonly Sequence[] {
  const bounds = cuSeqlens ?? [0, N];
  const keyBounds = cuSeqlensK ?? cuSeqlens ?? [0, M];
  const sequences = Array.from({ length: bounds.length - 1 }, (_, i) => {
    const [start, end] = [bounds[i] as number, bounds[i + 1] as number];
    const [keyStart, keyEnd] = [keyBounds[i] as number, keyBounds[i + 1] as number];
    return Object.freeze({ start, end, keyStart, keyEnd, shift: keyStart - start + queryOffset });
  });
  return Object.freeze(sequences);
}

interface BranchContext {
  /** Behind the last position. */
  readonly span: number;
  readonly H: number;
  readonly count: number;
  readonly headOffset: ResolvedAttention["headOffset"];
  readonly options: Pick<DilatedAttentionOptions<Shaped>, "causal" | "window">;
}

function resolveBranch(branch: Branch, i: number, context: BranchContext): ResolvedBranch {
  const { span, H, count, headOffset, options } = context;
  const partitioned = headOffset === "branch";
  const r = Math.min(branch.dilation, Math.max(span, H, count));
  const offset = (h: number): number => {
    if (partitioned) return i % r;
    return headOffset === "modulo" ? h % r : Math.floor(h / Math.ceil(H / r));
  };
  // Group i starts behind i groups of floor(H / k) heads, plus one head for each earlier group that is one larger.
  const groupStart = (g: number): number => g * Math.floor(H / count) + Math.min(g, H % count);
  const reach = (side: 0 | 1): number =>
    Math.min(branch.window?.[side] ?? NO_BOUND, options.window?.[side] ?? NO_BOUND);
  const within = (tokens: number): number => (tokens < span ? tokens : NO_BOUND);
  return Object.freeze({
    w: Math.min(branch.segment, span),
    r,
    low: -within(reach(0)),
    high: options.causal ? 0 : within(reach(1)),
    headStart: partitioned ? groupStart(i) : 0,
    headEnd: partitioned ? groupStart(i + 1) : H,
    offsets: Object.freeze(Array.from({ length: H }, (_, h) => offset(h))),
  });
}

/** Dropout as the kernels take it; null where nothing is dropped. */
export function resolveDropout(dropout: DilatedAttentionOptions["dropout"]): ResolvedDropout | null {
  if (dropout === undefined || dropout.p === 0) return null;
  const { p, seed, stream = 0 } = dropout;
  const [seedLow, seedHigh] = seedKey(seed, "attention");
  return Object.freeze({
    p,
    threshold: Math.min(Math.round(p * 2 ** 32), 0xffffffff),
    keepScale: 1 / (1 - p),
    seedLow,
    seedHigh,
    domain: RANDOM_DOMAINS.dropout + stream * 2 ** 16,
  });
}

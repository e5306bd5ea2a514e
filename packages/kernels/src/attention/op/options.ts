import { RANDOM_DOMAINS, seedKey, type Tensor } from "@dilated/core";
import type { TokenRange } from "../schedule/dilated/geometry.ts";
import { checkAttentionOptions } from "./validate.ts";

/** One branch of dilated attention: segments of `segment` tokens, of which every `dilation`-th is kept. */
export interface Branch {
  /** Segment length w in tokens, >= 1. May be longer than the sequence. */
  readonly segment: number;
  /** Dilation r, >= 1. Need not divide the segment. */
  readonly dilation: number;
}

/** Anything with a shape: a tensor, or a stand-in where only sizes matter. */
export interface Shaped {
  readonly shape: readonly number[];
}

/**
 * Options of dilated attention over q `[B, N, H, D]` and k, v `[B, N, G, D]`. All of them combine freely.
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
  /** A token sees itself and earlier tokens only. @defaultValue false */
  readonly causal?: boolean | undefined;
  /** Factor of q·k; finite and positive. @defaultValue 1 / sqrt(D) */
  readonly scale?: number | undefined;
  /**
   * Drops attention weights with probability `p` in [0, 1) and scales the others by 1 / (1 - p). The choice is a function of
   * (seed, stream, batch row, head, t, u) alone: the same on every backend, tiling and number of ranks. `seed` is a non-negative safe integer;
   * `stream`, 0 to 65,535 (by default 0), gives calls under one seed, such as layers, masks of their own.
   * @defaultValue no dropout
   */
  readonly dropout?: { readonly p: number; readonly seed: number; readonly stream?: number } | undefined;
  /** `[B, N]`: keys that are 0 take part in no softmax. A row that sees no key gives 0. @defaultValue every key counts */
  readonly keyMask?: Mask | undefined;
  /**
   * Boundaries of sequences packed along N, in tokens: rises from 0 to N; the same for every batch row. No token sees another sequence, and segments
   * count from the start of each.
   * @defaultValue one sequence of N tokens
   */
  readonly cuSeqlens?: readonly number[] | Int32Array | undefined;
}

/** A branch with everything derived. */
export interface ResolvedBranch {
  /** Segment length, at most N: longer ones are the same. */
  readonly w: number;
  /** Dilation, at most the largest of N, H and the number of branches: larger ones are the same, and sums with it stay small. */
  readonly r: number;
  /** Heads `[headStart, headEnd)` take part; all of them unless `heads` is `"partitioned"`. */
  readonly headStart: number;
  readonly headEnd: number;
  /** Offset s of each of the H heads. May be >= w: the head then has no row in this branch. */
  readonly offsets: readonly number[];
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
  readonly N: number;
  /** Query heads. */
  readonly H: number;
  /** Key/value heads; query head h reads head floor(h / (H / G)). */
  readonly G: number;
  readonly D: number;
  readonly branches: readonly ResolvedBranch[];
  readonly zeroPad: boolean;
  readonly detached: boolean;
  /** Each head is in one branch: `headOffset` is "branch". */
  readonly partitioned: boolean;
  /** How `offsets` came about, for kernels that compute them: h mod r, floor(h / ceil(H / r)), or (partitioned) branch index mod r. */
  readonly headOffset: "modulo" | "block" | "branch";
  readonly causal: boolean;
  readonly scale: number;
  /** Factor of the output: 1, or 1 / number of branches when partitioned. */
  readonly outScale: number;
  readonly dropout: ResolvedDropout | null;
  readonly keyMask: boolean;
  /** Packed sequences in order; together they are [0, N). */
  readonly sequences: readonly TokenRange[];
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
  const G = shapes.k[2] as number;
  const partitioned = options.heads === "partitioned";
  const count = options.branches.length;
  const headOffset = partitioned ? "branch" : (options.headOffset ?? "modulo");
  const branches = options.branches.map((branch, i) => resolveBranch(branch, i, { N, H, count, headOffset }));
  const bounds = options.cuSeqlens ?? [0, N];
  const sequences = Array.from({ length: bounds.length - 1 }, (_, i) =>
    Object.freeze({ start: bounds[i] as number, end: bounds[i + 1] as number }),
  );
  return Object.freeze({
    B,
    N,
    H,
    G,
    D,
    branches: Object.freeze(branches),
    zeroPad: options.remainder === "zeroPad",
    detached: options.gradient === "detached",
    partitioned,
    headOffset,
    causal: options.causal ?? false,
    scale: options.scale ?? 1 / Math.sqrt(D),
    outScale: partitioned ? 1 / count : 1,
    dropout: resolveDropout(options.dropout),
    keyMask: options.keyMask !== undefined,
    sequences: Object.freeze(sequences),
  });
}

interface BranchContext {
  readonly N: number;
  readonly H: number;
  readonly count: number;
  readonly headOffset: ResolvedAttention["headOffset"];
}

function resolveBranch(branch: Branch, i: number, context: BranchContext): ResolvedBranch {
  const { N, H, count, headOffset } = context;
  const partitioned = headOffset === "branch";
  const r = Math.min(branch.dilation, Math.max(N, H, count));
  const offset = (h: number): number => {
    if (partitioned) return i % r;
    return headOffset === "modulo" ? h % r : Math.floor(h / Math.ceil(H / r));
  };
  // Group i starts behind i groups of floor(H / k) heads, plus one head for each earlier group that is one larger.
  const groupStart = (g: number): number => g * Math.floor(H / count) + Math.min(g, H % count);
  return Object.freeze({
    w: Math.min(branch.segment, N),
    r,
    headStart: partitioned ? groupStart(i) : 0,
    headEnd: partitioned ? groupStart(i + 1) : H,
    offsets: Object.freeze(Array.from({ length: H }, (_, h) => offset(h))),
  });
}

function resolveDropout(dropout: DilatedAttentionOptions["dropout"]): ResolvedDropout | null {
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

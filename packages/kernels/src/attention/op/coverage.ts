import { checkCall, field, LimitError } from "@dilated/core";
import {
  type DilatedAttentionOptions,
  type ResolvedAttention,
  type ResolvedBranch,
  resolveAttentionOptions,
  type Shaped,
} from "../pattern/options.ts";
import { ATTENTION_OPTIONS, MAX_HEADS } from "../pattern/validate.ts";
import { offsetOf, realRows } from "../schedule/dilated/geometry.ts";
import { pairsOfBranch } from "../schedule/dilated/pairs.ts";

/** Sizes that decide the pattern: N tokens, H heads. */
export interface PatternShape {
  readonly N: number;
  readonly H: number;
}

/** Which (head, token) rows no branch selects; such rows come out as 0. */
export interface Coverage {
  /** Rows in no branch, out of `total` = H · N. */
  readonly uncovered: number;
  readonly total: number;
  /** uncovered / total */
  readonly fraction: number;
  /** Uncovered tokens of each head. */
  readonly perHead: readonly number[];
  /** The first few uncovered rows, as [head, token]. */
  readonly examples: readonly (readonly [h: number, t: number])[];
}

const EXAMPLES = 8;
/** Rows that are looked at one by one, at most: a minute of one core. */
const MOST_ROWS = 2 ** 32;

const SIZE = field.positiveInteger();
const SHAPE = { N: SIZE, H: field.positiveInteger(MAX_HEADS) };
const options = field.options<DilatedAttentionOptions<Shaped>>(ATTENTION_OPTIONS);
const PATTERN = { shape: field.object(SHAPE), options };
const FLOPS = {
  shape: field.object({ ...SHAPE, D: SIZE, Dv: field.optional(SIZE), B: field.optional(SIZE) }),
  options,
};

/**
 * Counts the rows that take part in no branch. Any branch of dilation 1 covers everything; without one, a dilation over H leaves residues out.
 *
 * @param shape - N tokens, H heads
 * @throws ConfigError - as `dilatedAttention` does for the same options
 */
export function coverage(shape: PatternShape, options: DilatedAttentionOptions<Shaped>): Coverage {
  checkCall("coverage", PATTERN, arguments);
  const resolved = resolvePattern("coverage", shape, options);
  const { N, H } = resolved;
  const perHead: number[] = [];
  const examples: [number, number][] = [];
  for (let h = 0; h < H; h++) {
    const branches = resolved.branches
      .map((branch) => ({ w: branch.w, r: branch.r, s: offsetOf(branch, h) }))
      .filter(({ s, w }) => s >= 0 && s < w);
    let missing = 0;
    const whole = branches.some(({ r, s }) => r === 1 && s === 0);
    if (!whole && N * H > MOST_ROWS)
      throw new LimitError(`coverage: ${N * H} rows are more than can be looked at`, {
        details: [`N: ${N}, H: ${H}`, `limit: N·H = ${MOST_ROWS}`],
        fix: "ask for a shorter sequence: what is covered repeats with the segments",
      });
    for (const { start, end, shift, keyStart } of whole ? [] : resolved.sequences) {
      for (let t = start; t < end; t++) {
        if (branches.some(({ w, r, s }) => ((t + shift - keyStart) % w) % r === s)) continue;
        missing++;
        if (examples.length < EXAMPLES) examples.push([h, t]);
      }
    }
    perHead.push(missing);
  }
  const uncovered = perHead.reduce((sum, count) => sum + count, 0);
  return { uncovered, total: N * H, fraction: uncovered / (N * H), perHead, examples };
}

/** Rows of K and V that generation has to keep; see {@link liveRows}. */
export interface LiveRows {
  /** Rows for each query head, each branch's rows counted apart. */
  readonly perHead: readonly number[];
  /** Sum over the heads. Times 2·D·bytes it is the size of the dilated KV cache; a dense one holds N rows a head. */
  readonly total: number;
}

/**
 * The most rows of K (and of V) that later tokens can still see at once: for each branch the kept rows of one segment, Σ ceil((min(w, N) - s) / r).
 * What lies before the current segment of a branch is dead for that branch. A row that two branches keep is counted twice.
 */
export function liveRows(shape: PatternShape, options: DilatedAttentionOptions<Shaped>): LiveRows {
  checkCall("liveRows", PATTERN, arguments);
  const resolved = resolvePattern("liveRows", shape, options);
  const longest = Math.max(...resolved.sequences.map(({ keyStart, keyEnd }) => keyEnd - keyStart));
  const perHead = Array.from({ length: resolved.H }, (_, h) =>
    resolved.branches.reduce((sum, branch) => sum + rowsOf(branch, h, Math.min(branch.w, longest)), 0),
  );
  return { perHead, total: perHead.reduce((sum, rows) => sum + rows, 0) };
}

/** Floating-point operations of a forward pass. Forward and backward together are 3.5 times as many. */
export interface AttentionFlops {
  /**
   * 2·(D + Dv) for each (query, key) pair that the pattern holds: short segments, offsets and `causal` counted as they
   * are.
   */
  readonly exact: number;
  /**
   * The convention of the benchmarks, 2·(D + Dv)·B·H·Σ_i N·w_i / r_i² with w_i = min(w_i, N), whether or not `causal`.
   */
  readonly nominal: number;
}

/**
 * Work of a forward pass. `keyMask` and zero padding are not counted: they change neither the pattern nor the convention.
 *
 * @param shape - B (default 1), N, H, D and Dv (default D), the head dims of q and k, and of v
 */
export function attentionFlops(
  shape: PatternShape & {
    readonly D: number;
    readonly Dv?: number | undefined;
    readonly B?: number | undefined;
  },
  options: DilatedAttentionOptions<Shaped>,
): AttentionFlops {
  checkCall("attentionFlops", FLOPS, arguments);
  const { B = 1, D, Dv = D } = shape;
  const flops = 2 * (D + Dv);
  const resolved = resolvePattern("attentionFlops", shape, options);
  const density = resolved.branches.reduce(
    (sum, { w, r, headStart, headEnd }) => sum + ((headEnd - headStart) * w) / r ** 2,
    0,
  );
  return { exact: flops * B * countPairs(resolved), nominal: flops * B * resolved.N * density };
}

/** (query, key) pairs of one batch row: summed over heads, branches and segments, the multiset of the definition. */
export function countPairs(resolved: ResolvedAttention): number {
  return resolved.branches.reduce((sum, branch) => sum + pairsOfBranch(resolved, branch), 0);
}

function rowsOf(branch: ResolvedBranch, h: number, length: number): number {
  const s = offsetOf(branch, h);
  return s < 0 ? 0 : realRows(length, branch.r, s);
}

/** The pattern depends on neither B, G nor D, so the checks run on the smallest shapes. */
export function resolvePattern(
  caller: string,
  { N, H }: PatternShape,
  options: DilatedAttentionOptions<Shaped>,
): ResolvedAttention {
  const { keyMask: _, ...pattern } = options;
  return resolveAttentionOptions(caller, { q: [1, N, H, 4], k: [1, N, H, 4], v: [1, N, H, 4] }, pattern);
}

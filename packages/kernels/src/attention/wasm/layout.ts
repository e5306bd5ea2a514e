import { type KernelLayout, roundUp, words } from "../../wasm/layout.ts";

// Tile sizes of the kernels (assembly/attention-micro.ts, attention-forward.ts, attention-backward.ts).
const KEYS = 128;
const FORWARD_QUERIES = 128;
const BACKWARD_QUERIES = 64;

/** Query rows a chunk that suit {@link attentionForwardLayout}: a multiple of its 128-row tiles; few enough to balance threads. */
export const FORWARD_CHUNK_ROWS = 256;

/** Rows a block that suit {@link attentionBackwardLayout}: one packed key tile then serves up to 1,024 query rows. */
export const BACKWARD_BLOCK_ROWS = 1024;

/** `offsetMode` of the attention kernels: s(h) = h mod r, floor(h / ceil(H / r)), or the word `offset`. */
export const OFFSET_MODE = { modulo: 0, block: 1, explicit: 2 } as const;

// Words that both kernels share, behind D and the count of table entries:
//   r, offsetMode, offset   dilation; which s(h); the explicit offset
//   h0, h1                  heads [h0, h1) take part; 0, H unless heads are partitioned
//   causal                  1: a key's row may not come after the query's
//   maskBytes               1 or 4: size of an element of keyMask [B, N]; 0 excludes a key; keyMask itself may be 0 (none)
//   dropThreshold           u32: keep iff the Philox word >= it; 0 = no dropout
//   seedLo, seedHi          key of Philox
//   tokenBase               added to token indices in the dropout counter
//   dropDomain              fourth word of the dropout counter
//   scale                   factor of q·k
//   keepScale               factor of the output: 1 / (1 - p), times 1 / branches when partitioned
const SHARED = "r offsetMode offset h0 h1 causal";
const DROPOUT = "maskBytes dropThreshold seedLo seedHi tokenBase dropDomain";

/** What decides scratch and items of {@link attentionForwardLayout}. */
export interface ForwardSizes {
  readonly B: number;
  readonly D: number;
  readonly h0: number;
  readonly h1: number;
  readonly chunkCount: number;
}

/**
 * One branch of dilated attention, merged in place into `out` [B, N, H, D] and `lse` [B, H, N]; q [B, N, H, D]; k, v [B, N, G, D]; f32.
 *
 * `chunks` is a table of `chunkCount` x 5 u32, as `planChunks` makes it: segBegin, segEnd, jBegin, jEnd, padRows. With `merge` = 0 stored values are
 * not read: rows of this branch are overwritten. Rows that the branch does not hold, or whose keys are all masked, stay as they are:
 * fill `out` with 0 and `lse` with -1e30 before the first branch unless it covers every row.
 *
 * item = (b·(h1 - h0) + h - h0)·chunkCount + chunk.
 */
export const attentionForwardLayout: KernelLayout<ForwardSizes> = {
  entry: "dilatedAttentionForward",
  words: [
    ...words("ptr", "q k v out lse keyMask chunks"),
    ...words("i32", `B N H G D chunkCount ${SHARED} merge ${DROPOUT}`),
    ...words("f32", "scale keepScale"),
  ],
  // Lists, running maxima and sums | one panel of scores | K, Q [D] and V, O [Dp].
  scratchBytes: ({ D }) =>
    256 + 4 * (KEYS + 2 * FORWARD_QUERIES) + 32 * KEYS + 4 * (KEYS + FORWARD_QUERIES) * (D + roundUp(D, 8)),
  items: ({ B, h0, h1, chunkCount }) => B * (h1 - h0) * chunkCount,
};

/** What decides scratch and items of {@link attentionBackwardLayout}. */
export interface BackwardSizes {
  readonly B: number;
  readonly G: number;
  readonly D: number;
  readonly blockCount: number;
}

/**
 * Gradient of one branch from the **total** lse: P = exp(scale·q·k - lse), dS = P·(dropout·keepScale·dout·v - dvec). Adds to dq [B, N, H, D] and
 * dk, dv [B, N, G, D], which the host zero-fills once. `dvec` [B, H, N] is what {@link attentionRowDotLayout} makes, of the total out (exact)
 * or of this branch's out (detached). Rows with lse <= -1e29 get no gradient.
 *
 * `blocks` is one launch of {@link backwardLaunches}: `blockCount` x 6 u32 segBegin, segEnd, keyBegin, keyEnd, queryBegin, queryEnd (row ranges of
 * offset 0, as in the chunk table). An item owns the rows of its block for every query head of one key/value head,
 * item = (b·G + g)·blockCount + block, and writes them without atomics: the blocks of one launch must not share rows.
 */
export const attentionBackwardLayout: KernelLayout<BackwardSizes> = {
  entry: "dilatedAttentionBackward",
  words: [
    ...words("ptr", "q k v dout lse dvec dq dk dv keyMask blocks"),
    ...words("i32", `B N H G D blockCount ${SHARED} ${DROPOUT}`),
    ...words("f32", "scale keepScale"),
  ],
  // Lists and row statistics | P and dS | K, V, K again, dK, dV | Q, dO twice each | one panel of dQ.
  scratchBytes: ({ D }) => {
    const Dp = roundUp(D, 8);
    const lists = 256 + 4 * (KEYS + 3 * BACKWARD_QUERIES);
    return lists + 4 * (2 * KEYS * BACKWARD_QUERIES + KEYS * (2 * D + 3 * Dp) + 4 * BACKWARD_QUERIES * Dp + 8 * Dp);
  },
  items: ({ B, G, blockCount }) => B * G * blockCount,
};

/** What decides the items of the row kernels. */
export interface RowSizes {
  readonly B: number;
  readonly N: number;
  /** Tokens an item; 64 is fine. */
  readonly rowsPerItem: number;
}

const rowItems = ({ B, N, rowsPerItem }: RowSizes): number => Math.ceil((B * N) / rowsPerItem);

/** dvec[b, h, t] = Σ_d dout·out; subtract the gradient of lse from it where there is one. */
export const attentionRowDotLayout: KernelLayout<RowSizes> = {
  entry: "attentionRowDot",
  words: [...words("ptr", "out dout dvec"), ...words("i32", "B N H D rowsPerItem")],
  scratchBytes: () => 0,
  items: rowItems,
};

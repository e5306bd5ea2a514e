import { type KernelLayout, roundUp } from "../../wasm/layout.ts";

// Tile sizes of the kernels (assembly/attention-micro.ts, attention-forward.ts, attention-backward.ts).
const KEYS = 128;
const FORWARD_QUERIES = 128;
const BACKWARD_QUERIES = 64;

/**
 * Query rows a chunk that suit {@link attentionForwardLayout}: a multiple of its 128-row tiles; few enough to balance
 * threads.
 */
export const FORWARD_CHUNK_ROWS = 256;

/** Rows a block that suit {@link attentionBackwardLayout}: one packed key tile then serves up to 1,024 query rows. */
export const BACKWARD_BLOCK_ROWS = 1024;

/** Queries of a work item of the row-dot kernel. */
export const DOT_TOKENS = 64;

const RUN = ["place", "count", "pitch", "position", "step"];

/**
 * Words of the tables of a schedule, whose meaning is that of `CPU_WORDS`. A block is a run of keys and a run of
 * queries.
 */
export const TABLE_WORDS: Readonly<Record<"run" | "chunk", readonly string[]>> = {
  run: RUN,
  chunk: [...RUN, "run_begin", "run_end", "zeros"],
};

/** What decides scratch and items of {@link attentionForwardLayout}. */
export interface ForwardSizes {
  readonly B: number;
  readonly D: number;
  readonly Dv: number;
  readonly headStart: number;
  readonly headEnd: number;
  readonly chunkCount: number;
}

export const attentionForwardLayout: KernelLayout<ForwardSizes> = {
  entry: "attentionForward",
  // Constants, key lists, running maxima and sums | one panel of scores | K, Q [D] and V, O [Dv, in eights].
  scratchBytes: ({ D, Dv }) =>
    256 + 4 * (2 * KEYS + 2 * FORWARD_QUERIES) + 32 * KEYS + 4 * (KEYS + FORWARD_QUERIES) * (D + roundUp(Dv, 8)),
  items: ({ B, headStart, headEnd, chunkCount }) => B * (headEnd - headStart) * chunkCount,
};

/** What decides scratch and items of {@link attentionBackwardLayout}. */
export interface BackwardSizes {
  readonly B: number;
  readonly G: number;
  readonly D: number;
  readonly Dv: number;
  readonly blockCount: number;
}

export const attentionBackwardLayout: KernelLayout<BackwardSizes> = {
  entry: "attentionBackward",
  // Constants, lists and row statistics | derivatives of the softcap | P and dS | K, V, K again, dK, dV | Q, dO twice
  // each | one panel of dQ.
  scratchBytes: ({ D, Dv }) => {
    const [keyWidth, valueWidth] = [roundUp(D, 8), roundUp(Dv, 8)];
    const lists = 256 + 4 * (2 * KEYS + 3 * BACKWARD_QUERIES) + 32 * KEYS;
    const keys = KEYS * (D + Dv + 2 * keyWidth + valueWidth);
    const queries = 2 * BACKWARD_QUERIES * (keyWidth + valueWidth);
    return lists + 4 * (2 * KEYS * BACKWARD_QUERIES + keys + queries + 8 * keyWidth);
  },
  items: ({ B, G, blockCount }) => B * G * blockCount,
};

/** What decides the items of the row-dot kernel. */
export interface RowSizes {
  readonly B: number;
  readonly N: number;
}

export const attentionRowDotLayout: KernelLayout<RowSizes> = {
  entry: "attentionRowDot",
  scratchBytes: () => 0,
  items: ({ B, N }) => Math.ceil((B * N) / DOT_TOKENS),
};

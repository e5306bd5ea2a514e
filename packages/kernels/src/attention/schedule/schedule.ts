import type { ScalarType } from "@dilated/core";

// What the engine is given: which keys each query sees, and in which order they are visited. The engine knows nothing
// else of patterns; a schedule brings its WGSL text, its tables, its cost, its work items on the CPU, and its
// definition for the oracle.

/** What the rows of tiles are: queries (forward, dQ) or keys (dK, dV). Columns are the others. */
export type TileRole = "query" | "key";

/** Sizes of the kernel's tiles. */
export interface TileSizes {
  /** Rows a tile. */
  readonly rows: number;
  /** Columns a step: visited columns are rounded up to it. @defaultValue 32 */
  readonly columns?: number | undefined;
}

/**
 * The WGSL of a kind of schedule; one object a kind, by which kernels are kept. It declares, for the structures and
 * variables of `webgpu/common.wgsl`:
 * - `fn open_tile(index: u32)` sets `tile`, of whose head and batch row the kernel has taken care;
 * - `fn open_runs(head: u32)` begins the runs of a query head, `fn next_run()` goes to the next one and sets `run`;
 *   each by one thread;
 * - `fn row_takes_part(position: u32) -> bool`: whether a row of the tile sees anything of the run.
 */
export interface ScheduleText {
  readonly source: string;
  readonly scalars: Readonly<Record<string, ScalarType>>;
  /**
   * Rows of a tile, or columns of a run, may be listed: `tile.list` and `run.list`, which the text then sets as well,
   * are the words of `plan` at which a list of (place, position) pairs begins, or 0, where they are in a line. The
   * rolled kernels serve such a text. @defaultValue false
   */
  readonly gathered?: boolean | undefined;
}

/** One launch of a tiled kernel: data, whatever the device. */
export interface ScheduledLaunch {
  /** Words of `plan`, as the schedule's text reads them. The last one is 0, and may be written. */
  readonly words: Uint32Array;
  /** Number of the first tile, and tiles. */
  readonly tileBegin: number;
  readonly tiles: number;
  /** Place of the first row of each tile: rises, but within a window of rows that are bound together. */
  readonly firstPlaces: Uint32Array;
  /** Query heads `[headStart, headEnd)` are launched. */
  readonly headStart: number;
  readonly headEnd: number;
  /** Positions, and places, from one row of a tile to the next. */
  readonly rowStep: number;
  readonly rowPitch: number;
  /**
   * Every (row, head) is in one of the tiles: the launch may write where others have to merge, and rows that see
   * nothing get their 0. None of the tiles is empty.
   */
  readonly coversAllRows: boolean;
  /** Word at which the order of (tile, head) pairs begins, and the tiles of a block of it; 0 tiles: as they come. */
  readonly orderAt: number;
  readonly orderTiles: number;
  /** (row, column) pairs visited, over all batch rows and heads. */
  readonly pairs: number;
  /** Values of the text's scalars. */
  readonly scalars: Readonly<Record<string, number>>;
}

/**
 * A stretch of queries and the keys that they see, which no other query sees: where work may be cut into windows.
 * Places.
 */
export interface Piece {
  readonly queryBegin: number;
  readonly queryEnd: number;
  readonly keyBegin: number;
  readonly keyEnd: number;
}

/**
 * Words (i32) of an entry of each of the CPU's tables; rows at places `place + pitch·i` have positions `position +
 * step·i`, i < count. Keys of pitch 0 are listed instead: in `lists` of the pass, from pair number `place` on.
 */
export const CPU_WORDS = {
  /**
   * Queries: place, count, pitch, position, step; first run and behind the last; number of zero keys (score 0, value
   * 0).
   */
  chunk: 8,
  /** Keys: place, count, pitch, position, step. Runs of a chunk come in order of positions. */
  run: 5,
  /** Keys: place, count, pitch, position, step; queries: the same. A count of 0 leaves the block out. */
  block: 10,
} as const;

/** One pass of the CPU's kernels over heads `[headStart, headEnd)`; words are those of CPU_WORDS. */
export interface CpuPass {
  readonly headStart: number;
  readonly headEnd: number;
  /** A query at position t sees keys at t + low to t + high. */
  readonly low: number;
  readonly high: number;
  /** Heads of one pattern share their tables: the pattern of each of the H heads, and how many there are. */
  readonly headPatterns: Uint32Array;
  readonly patternCount: number;
  /** (place, position) pairs of listed keys; positions of a run rise. @defaultValue none are listed */
  readonly lists?: Int32Array | undefined;
}

/** Chunks of query rows and the runs of keys that they see. */
export interface CpuForward extends CpuPass {
  readonly chunkCount: number;
  /** [chunk][pattern] of CPU_WORDS.chunk. */
  readonly chunks: Int32Array;
  /** Of CPU_WORDS.run. */
  readonly runs: Int32Array;
}

/** One launch of backward: blocks of keys and queries, no two of which share rows. */
export interface CpuBackward extends CpuPass {
  readonly blockCount: number;
  /** [block][pattern] of CPU_WORDS.block. */
  readonly blocks: Int32Array;
}

/** The keys that a row sees in one part, in order, and how many zero keys (score 0, value 0) beside them. Places. */
export interface PartKeys {
  readonly part: number;
  readonly keys: readonly number[];
  readonly zeros: number;
}

/** Which keys each query sees, for lengths and heads that it was made for. */
export interface Schedule {
  /** Queries, keys, query heads, key/value heads. */
  readonly N: number;
  readonly M: number;
  readonly H: number;
  readonly G: number;
  readonly text: ScheduleText;
  /**
   * Which columns of a run its rows do not all see. `causal`: those too far behind a query's position, as `Run.high`
   * says; `window`: those too far before it, as `Run.low` says, as well.
   */
  readonly bounds: "none" | "causal" | "window";
  /**
   * Schedules of the sets of keys whose merging the detached gradient holds constant; a schedule of one part is that
   * part.
   */
  readonly parts: readonly Schedule[];
  /** In order; together all queries and keys. */
  readonly pieces: readonly Piece[];
  /**
   * What to tell who gave it, where a piece is longer than `tokens` that fit one binding: what would fit, and what to
   * do.
   */
  advice(tokens: number): { readonly fits: string; readonly fix: string };
  /** Launches in order; the first one covers all rows if any does. */
  launches(role: TileRole, sizes: TileSizes): readonly ScheduledLaunch[];
  /** One launch of each role, for all rows and parts, which share their words. */
  whole(sizes: TileSizes): Readonly<Record<TileRole, ScheduledLaunch>>;
  /** The passes of the CPU's forward kernel, at most `rows` query rows a chunk. */
  forwardPasses(rows: number): readonly CpuForward[];
  /** The launches of the CPU's backward kernel over one of the parts. */
  backwardPasses(rows: number): readonly CpuBackward[];
  /**
   * The multiset of keys of query `t`, a place, of batch row b and head h. Positions of both go into masks of numbers:
   * `positionOf`, `positionOfKey`.
   */
  keysOfRow(b: number, h: number, t: number): readonly PartKeys[];
  /**
   * The same for query heads `[begin, end)` alone, which read `keyHeads` key/value heads: for tokens whose heads are
   * together longer than a binding. @defaultValue such tokens are refused
   */
  heads?(begin: number, end: number, keyHeads: number): Schedule;
  /** Position of query `t`, a place. */
  positionOf(t: number): number;
  /** Position of key `u`, a place. @defaultValue u */
  positionOfKey?(u: number): number;
}

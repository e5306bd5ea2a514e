import {
  CPU_WORDS,
  NO_BOUND,
  type Schedule,
  type ScheduledLaunch,
  type ScheduleText,
  type TileRole,
} from "@dilated/kernels/attention";
import source from "./blocks.wgsl";

// A second schedule, to prove that the seam is one: lists of blocks, in every tier and on the CPU.

/** Which blocks of keys a block of queries sees, by head. */
export interface BlockLists {
  readonly N: number;
  readonly M: number;
  readonly H: number;
  readonly G: number;
  readonly block: number;
  readonly causal: boolean;
  /** How far back a query sees. @defaultValue to the first key */
  readonly left?: number | undefined;
  /** Blocks of keys are made of these, in this order; positions rise. @defaultValue all of them, where they lie */
  readonly packed?: readonly PackedKey[] | undefined;
  readonly keeps: (h: number, queries: number, keys: number) => boolean;
}

export type PackedKey = readonly [place: number, position: number];

const text: ScheduleText = {
  source,
  scalars: {
    lists_at: "u32",
    row_blocks: "u32",
    block: "u32",
    columns: "u32",
    pairs_at: "u32",
    low: "i32",
    high: "i32",
  },
};
const packedText: ScheduleText = { ...text, gathered: true };

export function blockLists(lists: BlockLists): Schedule {
  const { N, M, H, G, block, causal, left, packed, keeps } = lists;
  const numbers = packed?.length ?? M;
  const [low, high] = [left === undefined ? -NO_BOUND : -left, causal ? 0 : NO_BOUND];
  const sides = {
    query: { rows: N, columns: numbers, keeps },
    key: { rows: numbers, columns: N, keeps: (h: number, keys: number, queries: number) => keeps(h, queries, keys) },
  };
  const blocksOf = (tokens: number): number => Math.ceil(tokens / block);
  const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const heads = range(H);
  const stretch = (i: number, tokens: number): [first: number, count: number] => [
    i * block,
    Math.min(block, tokens - i * block),
  ];

  const tilesOf = (role: TileRole, most: number): number[][] =>
    range(blocksOf(sides[role].rows)).flatMap((i) => {
      const [first, count] = stretch(i, sides[role].rows);
      return range(Math.ceil(count / most)).map((j) => [first + j * most, Math.min(most, count - j * most), i]);
    });

  /** Offsets and lists of a role, where they begin at word `at`. */
  const listsOf = (role: TileRole, at: number): number[] => {
    const { rows, columns, keeps: keep } = sides[role];
    const [offsets, entries]: [number[], number[]] = [[], []];
    const begin = at + H * (blocksOf(rows) + 1);
    for (const h of heads) {
      for (const i of range(blocksOf(rows))) {
        offsets.push(begin + entries.length);
        entries.push(...range(blocksOf(columns)).filter((j) => keep(h, i, j)));
      }
      offsets.push(begin + entries.length);
    }
    return [...offsets, ...entries];
  };

  const launchOf = (
    role: TileRole,
    tiles: number[][],
    words: number[],
    listsAt: number,
    pairsAt: number,
    tileBegin = 0,
  ): ScheduledLaunch => {
    const { rows, columns } = sides[role];
    return {
      words: Uint32Array.from(words),
      tileBegin,
      tiles: tiles.length,
      firstPlaces: Uint32Array.from(tiles, ([first = 0]) => first),
      headStart: 0,
      headEnd: H,
      rowStep: 1,
      rowPitch: 1,
      // Keys that are in no block get their 0 before.
      coversAllRows: role === "query" || packed === undefined,
      orderAt: words.length - 1,
      orderTiles: 0,
      pairs: H * N * M,
      scalars: { lists_at: listsAt, row_blocks: blocksOf(rows), block, columns, pairs_at: pairsAt, low, high },
    };
  };

  const pass = {
    headStart: 0,
    headEnd: H,
    low,
    high,
    lists: packed && Int32Array.from(packed.flat()),
    headPatterns: Uint32Array.from(heads),
    patternCount: H,
  };
  const line = (i: number, tokens: number): number[] => {
    const [first, count] = stretch(i, tokens);
    return [first, Math.max(0, count), 1, first, 1];
  };
  const keyLine = (j: number): number[] => {
    const [first = 0, count = 0, ...rest] = line(j, numbers);
    return packed ? [first, count, 0, 0, 1] : [first, count, ...rest];
  };
  const pairs = packed?.flat() ?? [];
  const keys = packed ?? range(M).map((u): PackedKey => [u, u]);
  const positions = new Map(keys);

  const schedule: Schedule = {
    N,
    M,
    H,
    G,
    text: packed ? packedText : text,
    bounds: left !== undefined ? "window" : causal ? "causal" : "none",
    get parts() {
      return [schedule];
    },
    pieces: [{ queryBegin: 0, queryEnd: N, keyBegin: 0, keyEnd: M }],
    advice: (tokens) => ({ fits: `${tokens} tokens`, fix: "use fewer tokens" }),
    launches(role, { rows }) {
      const tiles = tilesOf(role, rows);
      const lists = listsOf(role, tiles.length * 3);
      const words = [...tiles.flat(), ...lists, ...pairs, 0];
      return [launchOf(role, tiles, words, tiles.length * 3, tiles.length * 3 + lists.length)];
    },
    whole({ rows }) {
      const [query, key] = [tilesOf("query", rows), tilesOf("key", rows)];
      const tiles = [...query, ...key].flat();
      const queryLists = listsOf("query", tiles.length);
      const keyAt = tiles.length + queryLists.length;
      const before = [...tiles, ...queryLists, ...listsOf("key", keyAt)];
      const words = [...before, ...pairs, 0];
      return {
        query: launchOf("query", query, words, tiles.length, before.length),
        key: launchOf("key", key, words, keyAt, before.length, query.length),
      };
    },
    forwardPasses() {
      const [chunks, runs]: [number[], number[]] = [[], []];
      for (const i of range(blocksOf(N))) {
        for (const h of heads) {
          const begin = runs.length / CPU_WORDS.run;
          for (const j of range(blocksOf(numbers))) if (keeps(h, i, j)) runs.push(...keyLine(j));
          chunks.push(...line(i, N), begin, runs.length / CPU_WORDS.run, 0);
        }
      }
      return [{ ...pass, chunkCount: blocksOf(N), chunks: Int32Array.from(chunks), runs: Int32Array.from(runs) }];
    },
    backwardPasses() {
      const most = Math.max(blocksOf(N), blocksOf(numbers));
      return range(most).map((p) => {
        const pairs = range(blocksOf(numbers)).flatMap((j) =>
          (j + p) % most < blocksOf(N) ? [[j, (j + p) % most]] : [],
        );
        const blocks = pairs.flatMap(([j = 0, i = 0]) =>
          heads.flatMap((h) => {
            const [place = 0, count = 0, ...rest] = keyLine(j);
            return [place, keeps(h, i, j) ? count : 0, ...rest, ...line(i, N)];
          }),
        ) as number[];
        return { ...pass, blockCount: pairs.length, blocks: Int32Array.from(blocks) };
      });
    },
    keysOfRow(_, h, t) {
      const i = Math.floor(t / block);
      const sees = (n: number, position: number): boolean =>
        keeps(h, i, Math.floor(n / block)) && position >= t + low && position <= t + high;
      const places = keys.flatMap(([place, position], n) => (sees(n, position) ? [place] : []));
      return [{ part: 0, keys: places, zeros: 0 }];
    },
    positionOf: (t) => t,
    positionOfKey: (u) => positions.get(u) ?? u,
  };
  return schedule;
}

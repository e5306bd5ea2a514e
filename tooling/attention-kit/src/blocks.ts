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
  readonly keeps: (h: number, queries: number, keys: number) => boolean;
}

const text: ScheduleText = {
  source,
  scalars: { lists_at: "u32", row_blocks: "u32", block: "u32", columns: "u32" },
};

export function blockLists(lists: BlockLists): Schedule {
  const { N, M, H, G, block, causal, keeps } = lists;
  const sides = {
    query: { rows: N, columns: M, keeps },
    key: { rows: M, columns: N, keeps: (h: number, keys: number, queries: number) => keeps(h, queries, keys) },
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
      coversAllRows: true,
      orderAt: words.length - 1,
      orderTiles: 0,
      pairs: H * N * M,
      scalars: { lists_at: listsAt, row_blocks: blocksOf(rows), block, columns },
    };
  };

  const pass = {
    headStart: 0,
    headEnd: H,
    low: -NO_BOUND,
    high: causal ? 0 : NO_BOUND,
    headPatterns: Uint32Array.from(heads),
    patternCount: H,
  };
  const line = (i: number, tokens: number): number[] => {
    const [first, count] = stretch(i, tokens);
    return [first, Math.max(0, count), 1, first, 1];
  };

  const schedule: Schedule = {
    N,
    M,
    H,
    G,
    text,
    bounds: causal ? "causal" : "none",
    get parts() {
      return [schedule];
    },
    pieces: [{ queryBegin: 0, queryEnd: N, keyBegin: 0, keyEnd: M }],
    advice: (tokens) => ({ fits: `${tokens} tokens`, fix: "use fewer tokens" }),
    launches(role, { rows }) {
      const tiles = tilesOf(role, rows);
      const words = tiles.flat();
      return [launchOf(role, tiles, [...words, ...listsOf(role, words.length), 0], words.length)];
    },
    whole({ rows }) {
      const [query, key] = [tilesOf("query", rows), tilesOf("key", rows)];
      const tiles = [...query, ...key].flat();
      const queryLists = listsOf("query", tiles.length);
      const keyAt = tiles.length + queryLists.length;
      const words = [...tiles, ...queryLists, ...listsOf("key", keyAt), 0];
      return {
        query: launchOf("query", query, words, tiles.length),
        key: launchOf("key", key, words, keyAt, query.length),
      };
    },
    forwardPasses() {
      const [chunks, runs]: [number[], number[]] = [[], []];
      for (const i of range(blocksOf(N))) {
        for (const h of heads) {
          const begin = runs.length / CPU_WORDS.run;
          for (const j of range(blocksOf(M))) if (keeps(h, i, j)) runs.push(...line(j, M));
          chunks.push(...line(i, N), begin, runs.length / CPU_WORDS.run, 0);
        }
      }
      return [{ ...pass, chunkCount: blocksOf(N), chunks: Int32Array.from(chunks), runs: Int32Array.from(runs) }];
    },
    backwardPasses() {
      const most = Math.max(blocksOf(N), blocksOf(M));
      return range(most).map((p) => {
        const pairs = range(blocksOf(M)).flatMap((j) => ((j + p) % most < blocksOf(N) ? [[j, (j + p) % most]] : []));
        const blocks = pairs.flatMap(([j = 0, i = 0]) =>
          heads.flatMap((h) => {
            const [place, count = 0, ...rest] = line(j, M);
            return [place, keeps(h, i, j) ? count : 0, ...rest, ...line(i, N)];
          }),
        ) as number[];
        return { ...pass, blockCount: pairs.length, blocks: Int32Array.from(blocks) };
      });
    },
    keysOfRow(_, h, t) {
      const i = Math.floor(t / block);
      const keys = range(M).filter((u) => keeps(h, i, Math.floor(u / block)) && (!causal || u <= t));
      return [{ part: 0, keys, zeros: 0 }];
    },
    positionOf: (t) => t,
  };
  return schedule;
}

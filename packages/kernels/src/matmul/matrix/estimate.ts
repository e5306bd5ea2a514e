import type { MatmulProblem } from "../problem.ts";
import type { MatrixTile } from "./tiles.ts";

/** The parts that K is cut in. */
export interface MatrixSplit {
  readonly splits: number;
  /** Steps of K in a part. */
  readonly chunk: number;
}

/** Of a large GPU; smaller ones are filled sooner and choose large tiles a little late. */
const MULTIPROCESSORS = 132;
/** Microseconds: what a tile costs besides its steps of K, for itself and for each 128 x 128 results, and a second kernel besides its bytes. */
const TILE_US = 1;
const STORE_US = 2;
const PASS_US = 5;
/** Bytes a microsecond. */
const MEMORY = 2e6;
/** Shorter parts of K cost more in partial sums than they win. */
const SHORTEST_CHUNK = 256;
const MOST_SPLITS = 16;

type Sizes = Pick<MatmulProblem, "batch" | "m" | "n" | "k">;

/** How a tile would best cut K, and the microseconds that the whole is thought to take; `partialBytes` is what partial sums may take, 0 for none. */
export function estimate(
  sizes: Sizes,
  tile: MatrixTile,
  partialBytes: number,
): MatrixSplit & { readonly cost: number } {
  const { batch, m, n, k } = sizes;
  const most = batch === 1 ? Math.min(MOST_SPLITS, k / SHORTEST_CHUNK, partialBytes / (m * n * 4)) : 1;
  let best: (MatrixSplit & { readonly cost: number }) | undefined;
  for (let parts = 1; parts <= Math.max(1, most); parts++) {
    const chunk = Math.ceil(k / parts / tile.TILE_K) * tile.TILE_K;
    const split = { chunk, splits: Math.ceil(k / chunk) }; // as many as it takes, so that none is empty
    const cost = microseconds(sizes, tile, split);
    if (!best || cost < best.cost) best = { ...split, cost };
  }
  return best as MatrixSplit & { readonly cost: number };
}

/** Rounds of tiles that fill the GPU, then a last one, then the sum of the parts. */
function microseconds({ batch, m, n }: Sizes, tile: MatrixTile, { splits, chunk }: MatrixSplit): number {
  const { SG_M, SG_N, ROWS, COLS, rate, resident, alone } = tile;
  const [tileM, tileN] = [SG_M * ROWS, SG_N * COLS];
  const tiles = batch * splits * Math.ceil(m / tileM) * Math.ceil(n / tileN);
  const results = tileM * tileN;
  const one = TILE_US + (STORE_US * results) / 128 ** 2 + (2 * results * chunk * MULTIPROCESSORS) / (rate * 1e6);
  const each = Math.ceil((tiles % (resident * MULTIPROCESSORS)) / MULTIPROCESSORS);
  const rounds = Math.floor(tiles / (resident * MULTIPROCESSORS)) * resident * one;
  const last = each > 0 ? Math.max(each, 1 / alone) * one : 0;
  const sums = splits > 1 ? PASS_US + (splits * m * n * 4) / MEMORY : 0;
  return rounds + last + sums;
}

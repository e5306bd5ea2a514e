import { below, type Random } from "./random.ts";

/** Abnormal tiles on a slide: at least and at most. */
const TILES = [4, 10] as const;
/** Share of a slide's tiles that holds less DAB than what is planted on: only glands take it up, so only they can take up too much. */
const NOT_GLAND = 0.55;
const ATTEMPTS = 50;

/**
 * Chooses a cluster of neighbouring gland tiles.
 *
 * @param places - of the slide's tiles, row·columns + column
 * @param dab - mean amount in each tile
 * @returns which of the tiles, ascending
 */
export function plant(places: Int32Array, columns: number, dab: Float32Array, next: Random): Int32Array {
  const least = Float32Array.from(dab).sort()[Math.floor(NOT_GLAND * dab.length)] as number;
  const gland = (tile: number | undefined): tile is number => tile !== undefined && (dab[tile] as number) >= least;
  const tileAt = new Map(Array.from(places, (place, tile) => [place, tile]));
  const count = TILES[0] + below(next, TILES[1] - TILES[0] + 1);
  let largest = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS && largest.size < count; attempt++) {
    const cluster = new Set([below(next, places.length)].filter(gland));
    for (const member of cluster) {
      const neighbours = [1, -1, columns, -columns].map((step) => tileAt.get((places[member] as number) + step));
      for (const tile of neighbours.filter(gland)) if (cluster.size < count) cluster.add(tile);
    }
    if (cluster.size > largest.size) largest = cluster;
  }
  return Int32Array.from(largest).sort();
}

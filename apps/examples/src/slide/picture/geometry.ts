import { type Slide, TILE } from "../slide.ts";

/** Pixels of a tile's centre. */
export function centreOf({ coordinates }: Slide, tile: number): [number, number] {
  return [(coordinates[2 * tile] as number) + TILE / 2, (coordinates[2 * tile + 1] as number) + TILE / 2];
}

/** The middle of the planted tiles, and how far they reach, in pixels. */
export function clusterOf(slide: Slide): { x: number; y: number; radius: number } | undefined {
  const centres = Array.from(slide.planted, (tile) => centreOf(slide, tile));
  if (centres.length === 0) return undefined;
  const mean = (axis: 0 | 1) => centres.reduce((sum, centre) => sum + centre[axis], 0) / centres.length;
  const [x, y] = [mean(0), mean(1)];
  return { x, y, radius: Math.max(...centres.map((centre) => Math.hypot(centre[0] - x, centre[1] - y))) + TILE };
}

import type { Random } from "./random.ts";

/** Which places of a slide hold tissue; the rest is empty glass. */
export interface Outline {
  readonly columns: number;
  readonly rows: number;
  /** Places row·columns + column, ascending. */
  readonly places: Int32Array;
}

/** Empty places around the tissue. */
const MARGIN = 3;

/** A piece of tissue of exactly `tiles` tiles with a wavy edge. */
export function outline(tiles: number, next: Random): Outline {
  const waves = [2, 3, 4, 5, 7].map((turns) => ({
    turns,
    size: (0.22 * next()) / turns ** 0.7,
    phase: 2 * Math.PI * next(),
  }));
  const stretch = 0.85 + 0.3 * next();
  const side = Math.ceil(2.2 * Math.sqrt(tiles));
  const distance = Float32Array.from({ length: side * side }, (_, place) => {
    const x = ((place % side) + 0.5 - side / 2) * stretch;
    const y = (Math.floor(place / side) + 0.5 - side / 2) / stretch;
    const angle = Math.atan2(y, x);
    return (
      Math.hypot(x, y) / waves.reduce((sum, { turns, size, phase }) => sum + size * Math.sin(turns * angle + phase), 1)
    );
  });
  const nearest = Int32Array.from(distance.keys()).sort((a, b) => (distance[a] as number) - (distance[b] as number));
  return crop(nearest.slice(0, tiles).sort(), side);
}

/** The same places on the smallest slide that leaves a margin. */
function crop(places: Int32Array, side: number): Outline {
  const [x, y] = [places.map((place) => place % side), places.map((place) => Math.floor(place / side))];
  const least = (values: Int32Array) => values.reduce((a, b) => Math.min(a, b));
  const size = (values: Int32Array) => values.reduce((a, b) => Math.max(a, b)) - least(values) + 1 + 2 * MARGIN;
  const [columns, left, top] = [size(x), least(x) - MARGIN, least(y) - MARGIN];
  return {
    columns,
    rows: size(y),
    places: places.map((_, i) => ((y[i] as number) - top) * columns + (x[i] as number) - left),
  };
}

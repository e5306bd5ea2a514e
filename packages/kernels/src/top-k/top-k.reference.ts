import type { Axis } from "../reduce/plan.ts";

/**
 * Places along the axis of the k largest of every line [o, ·, i], as [o, r, i]; the first of equal ones first, and NaN
 * before all.
 */
export function topKPlaces(x: Float64Array, { outer, n, inner }: Axis, k: number): Uint32Array {
  const places = new Uint32Array(outer * k * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = (j: number) => x[(o * n + j) * inner + i] ?? Number.NaN;
      const rank = (j: number) => (Number.isNaN(at(j)) ? Number.POSITIVE_INFINITY : at(j));
      const order = Array.from({ length: n }, (_, j) => j).sort(
        (a, b) =>
          Number(Number.isNaN(at(b))) - Number(Number.isNaN(at(a))) ||
          (rank(a) === rank(b) ? a - b : rank(b) > rank(a) ? 1 : -1),
      );
      for (let r = 0; r < k; r++) places[(o * k + r) * inner + i] = order[r] ?? 0;
    }
  }
  return places;
}

/** For every place, the element of x that it is. */
export function topKElements(places: Uint32Array, { n, inner }: Axis, k: number): number[] {
  return Array.from(places, (place, e) => (Math.floor(e / inner / k) * n + place) * inner + (e % inner));
}

import type { Axis } from "./plan.ts";

/** Elements of x [outer, n, inner] along n, for every (outer, inner). */
function* lines({ outer, n, inner }: Axis): Generator<{ readonly out: number; readonly elements: readonly number[] }> {
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++)
      yield { out: o * inner + i, elements: Array.from({ length: n }, (_, j) => (o * n + j) * inner + i) };
  }
}

/** scale·Σ_n x in f64. */
export function sumReference(x: Float64Array, axis: Axis, scale: number): Float64Array {
  const y = new Float64Array(axis.outer * axis.inner);
  for (const { out, elements } of lines(axis))
    y[out] = scale * elements.reduce((total, at) => total + (x[at] ?? Number.NaN), 0);
  return y;
}

export function sumGradient(axis: Axis, scale: number, dy: Float64Array): Float64Array {
  const dx = new Float64Array(axis.outer * axis.n * axis.inner);
  for (const { out, elements } of lines(axis)) for (const at of elements) dx[at] = scale * (dy[out] ?? Number.NaN);
  return dx;
}

/** max_n x; NaN where one is among them. */
export function maxReference(x: Float64Array, axis: Axis): Float64Array {
  const y = new Float64Array(axis.outer * axis.inner);
  for (const { out, elements } of lines(axis)) y[out] = Math.max(...elements.map((at) => x[at] ?? Number.NaN));
  return y;
}

/** The whole gradient goes to the first maximum, or the first NaN. */
export function maxGradient(x: Float64Array, axis: Axis, dy: Float64Array): Float64Array {
  const y = maxReference(x, axis);
  const dx = new Float64Array(x.length);
  for (const { out, elements } of lines(axis)) {
    const first = elements.find((at) => x[at] === y[out] || (Number.isNaN(x[at]) && Number.isNaN(y[out])));
    if (first !== undefined) dx[first] = dy[out] ?? Number.NaN;
  }
  return dx;
}

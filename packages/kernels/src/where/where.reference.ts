/** Chosen elements in f64; what is shorter repeats. */
export function whereReference(condition: Float64Array, a: Float64Array, b: Float64Array): Float64Array {
  const size = Math.max(condition.length, a.length, b.length);
  const at = (values: Float64Array, i: number) => values[i % values.length] ?? Number.NaN;
  return Float64Array.from({ length: size }, (_, i) => (at(condition, i) !== 0 ? at(a, i) : at(b, i)));
}

/** Gradients of a and b. */
export function whereGradient(
  condition: Float64Array,
  a: Float64Array,
  b: Float64Array,
  dy: Float64Array,
): [Float64Array, Float64Array] {
  const da = new Float64Array(a.length);
  const db = new Float64Array(b.length);
  for (const [i, d] of dy.entries()) {
    const sums = condition[i % condition.length] !== 0 ? da : db;
    sums[i % sums.length] = (sums[i % sums.length] ?? Number.NaN) + d;
  }
  return [da, db];
}

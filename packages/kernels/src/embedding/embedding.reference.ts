/** y[t] = table[ids[t]] in f64; NaN outside the vocabulary. */
export function embeddingReference(
  table: ArrayLike<number>,
  V: number,
  E: number,
  ids: ArrayLike<number>,
): Float64Array {
  return Float64Array.from({ length: ids.length * E }, (_, i) => {
    const id = Number(ids[Math.floor(i / E)]);
    return id >= 0 && id < V ? Number(table[id * E + (i % E)]) : Number.NaN;
  });
}

/** Gradient of the table: rows of `grad` [T, E] summed by id, in f64. */
export function embeddingGradReference(
  grad: ArrayLike<number>,
  V: number,
  E: number,
  ids: ArrayLike<number>,
): Float64Array {
  const sums = new Float64Array(V * E);
  for (let t = 0; t < ids.length; t++) {
    const id = Number(ids[t]);
    if (id < 0 || id >= V) continue;
    for (let e = 0; e < E; e++) sums[id * E + e] = (sums[id * E + e] ?? 0) + Number(grad[t * E + e]);
  }
  return sums;
}

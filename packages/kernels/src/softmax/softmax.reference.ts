/** Softmax of rows of `width`, in f64. */
export function softmaxReference(x: Float64Array, width: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    const values = x.subarray(row, row + width);
    const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const total = values.reduce((sum, value) => sum + Math.exp(value - most), 0);
    values.forEach((value, i) => {
      y[row + i] = Math.exp(value - most) / total;
    });
  }
  return y;
}

/** Gradient of x. */
export function softmaxGradient(x: Float64Array, width: number, dy: Float64Array): Float64Array {
  const y = softmaxReference(x, width);
  const dx = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    let dot = 0;
    for (let i = row; i < row + width; i++) dot += (y[i] ?? 0) * (dy[i] ?? 0);
    for (let i = row; i < row + width; i++) dx[i] = (y[i] ?? 0) * ((dy[i] ?? 0) - dot);
  }
  return dx;
}

/** What a norm is computed from: x [rows, width], optional weight and bias [width]. */
export interface NormInputs {
  readonly x: Float64Array;
  readonly width: number;
  readonly weight?: Float64Array | undefined;
  readonly bias?: Float64Array | undefined;
  readonly eps: number;
  /** Layer norm subtracts the mean, RMS norm does not. */
  readonly centered: boolean;
}

/** (x - mean)·rstd and rstd of one row. */
function normalise({ x, width, eps, centered }: NormInputs, row: number): { xhat: Float64Array; rstd: number } {
  const values = x.slice(row * width, (row + 1) * width);
  const mean = centered ? values.reduce((a, b) => a + b, 0) / width : 0;
  const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / width;
  const rstd = 1 / Math.sqrt(variance + eps);
  return { xhat: values.map((value) => (value - mean) * rstd), rstd };
}

/** y in f64. */
export function normReference(inputs: NormInputs): Float64Array {
  const { x, width, weight, bias } = inputs;
  const y = new Float64Array(x.length);
  for (let row = 0; row < x.length / width; row++) {
    const { xhat } = normalise(inputs, row);
    xhat.forEach((value, i) => {
      y[row * width + i] = value * (weight?.[i] ?? 1) + (bias?.[i] ?? 0);
    });
  }
  return y;
}

/** Gradients of x, weight and bias. */
export function normGradient(inputs: NormInputs, dy: Float64Array): [Float64Array, Float64Array, Float64Array] {
  const { x, width, weight, centered } = inputs;
  const dx = new Float64Array(x.length);
  const dweight = new Float64Array(width);
  const dbias = new Float64Array(width);
  for (let row = 0; row < x.length / width; row++) {
    const { xhat, rstd } = normalise(inputs, row);
    const d = dy.slice(row * width, (row + 1) * width);
    const g = d.map((value, i) => value * (weight?.[i] ?? 1));
    const shift = centered ? g.reduce((a, b) => a + b, 0) / width : 0;
    const along = g.reduce((total, value, i) => total + value * (xhat[i] ?? 0), 0) / width;
    for (let i = 0; i < width; i++) {
      dx[row * width + i] = rstd * ((g[i] ?? 0) - shift - (xhat[i] ?? 0) * along);
      dweight[i] = (dweight[i] ?? 0) + (d[i] ?? 0) * (xhat[i] ?? 0);
      dbias[i] = (dbias[i] ?? 0) + (d[i] ?? 0);
    }
  }
  return [dx, dweight, dbias];
}

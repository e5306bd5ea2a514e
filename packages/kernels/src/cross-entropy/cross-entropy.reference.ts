import type { ResolvedCrossEntropy } from "./options.ts";

/** Losses of rows of logits [T, V] in f64, the reduced loss, and the gradient of the logits. */
export interface CrossEntropyResult {
  /** One loss a row. */
  readonly rows: Float64Array;
  /** Reduced; with "none" the sum. */
  readonly loss: number;
  /** [T, V]; `upstream` is the gradient of the loss, or of each row's. */
  grad(upstream?: number | ArrayLike<number>): Float64Array;
}

/** Cross entropy as PyTorch defines it, literally. */
export function crossEntropyReference(
  logits: ArrayLike<number>,
  V: number,
  targets: ArrayLike<number>,
  options: ResolvedCrossEntropy,
): CrossEntropyResult {
  const { ignoreIndex, labelSmoothing, reduction } = options;
  const T = targets.length;
  const rows = new Float64Array(T);
  const softmax = new Float64Array(T * V);
  const wanted = (t: number, c: number) => (Number(targets[t]) === c ? 1 - labelSmoothing : 0) + labelSmoothing / V;
  for (let t = 0; t < T; t++) {
    const z = Array.from({ length: V }, (_, c) => Number(logits[t * V + c]));
    const top = Math.max(...z);
    // Apart from `top`, beside which it would be rounded away in f64, too.
    const over = Math.log(z.reduce((sum, value) => sum + Math.exp(value - top), 0));
    z.forEach((value, c) => {
      softmax[t * V + c] = Math.exp(value - top - over);
    });
    if (Number(targets[t]) !== ignoreIndex)
      rows[t] = z.reduce((sum, value, c) => sum + wanted(t, c) * (top - value + over), 0);
  }
  const counted = Array.from(targets).filter((target) => target !== ignoreIndex).length;
  const scale = reduction === "mean" ? 1 / Math.max(1, counted) : 1;
  const grad = (upstream: number | ArrayLike<number> = 1) =>
    softmax.map((p, i) => {
      const t = Math.floor(i / V);
      if (Number(targets[t]) === ignoreIndex) return 0;
      return (p - wanted(t, i % V)) * scale * (typeof upstream === "number" ? upstream : Number(upstream[t]));
    });
  return { rows, loss: scale * rows.reduce((sum, row) => sum + row, 0), grad };
}

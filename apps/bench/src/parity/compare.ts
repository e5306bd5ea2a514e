/** One compared tensor. */
export interface Comparison {
  readonly name: string;
  readonly tensor: string;
  readonly error: number;
  readonly pass: boolean;
}

/** Largest absolute difference; NaN anywhere, or another length, counts as infinite. */
export function maxError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs((actual[i] as number) - (expected[i] as number));
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst;
}

/** `name tensor max-abs-err PASS|FAIL` */
export function formatComparison({ name, tensor, error, pass }: Comparison): string {
  return `${name} ${tensor} ${error.toExponential(2)} ${pass ? "PASS" : "FAIL"}`;
}

/** Units of the table and of every sample before scaling: z = integer · 2^-21. The largest |z|, 6.34, stays below 2^24 units. */
export const NORMAL_UNIT: number = 2 ** -21;
/** Entries an octave of tail probability, ends included. */
export const NORMAL_STRIDE = 65;
export const NORMAL_OCTAVES = 32;

/**
 * Quantiles of the normal distribution in fixed point: entry 65·k + j is the z that is exceeded with probability 2^-(k+2)·(1 + j/64).
 * Samples interpolate in it with integers only, so that they have the same bits on every device, whatever its floating-point habits. Computed
 * with +, ·, / and square root alone (no `Math.log`, whose last bit differs between engines).
 */
export function normalTable(): Int32Array {
  const table = new Int32Array(NORMAL_OCTAVES * NORMAL_STRIDE);
  for (let k = 0; k < NORMAL_OCTAVES; k++) {
    for (let j = 0; j < NORMAL_STRIDE; j++)
      table[k * NORMAL_STRIDE + j] = Math.round(upperQuantile(k + 2, 1 + j / 64) / NORMAL_UNIT);
  }
  return table;
}

// Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988), routine PPND16: about 1 part in 10^16.
const A = [
  3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125, 45921.953931549871457,
  67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
];
const B = [
  1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867, 39307.89580009271061,
  28729.085735721942674, 5226.495278852854561,
];
const C = [
  1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504, 1.27045825245236838258,
  0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4,
];
const D = [
  1, 2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459,
  0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9,
];
const E = [
  6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 0.29656057182850489123, 0.026532189526576123093,
  0.0012426609473880784386, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
];
const F = [
  1, 0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525, 7.868691311456132591e-4,
  1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15,
];

/** z with upper tail probability p = mantissa·2^-exponent <= 1/2, 1 <= mantissa <= 2. */
function upperQuantile(exponent: number, mantissa: number): number {
  const q = 0.5 - mantissa * 2 ** -exponent;
  if (q <= 0.425) return q * ratio(A, B, 0.180625 - q * q);
  const r = Math.sqrt(exponent * Math.LN2 - logMantissa(mantissa));
  return r <= 5 ? ratio(C, D, r - 1.6) : ratio(E, F, r - 5);
}

function ratio(above: readonly number[], below: readonly number[], x: number): number {
  return polynomial(above, x) / polynomial(below, x);
}

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight((sum, c) => sum * x + c, 0);
}

/** ln(m) = 2 atanh((m - 1) / (m + 1)), whose series converges fast on [1, 2]. */
function logMantissa(m: number): number {
  const x = (m - 1) / (m + 1);
  let sum = 0;
  for (let n = 41; n >= 1; n -= 2) sum = sum * x * x + 1 / n;
  return 2 * x * sum;
}

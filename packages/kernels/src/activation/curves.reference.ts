import type { Curve } from "./curves.ts";

/** A curve and its slope, in f64. */
export interface ReferenceCurve {
  readonly f: (x: number) => number;
  readonly slope: (x: number) => number;
}

/** erf x by its all-positive series, which loses nothing to cancellation; 1 to the last bit beyond 6. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const normalCdf = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const inner = (x: number): number => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const innerSlope = (x: number): number => Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);

/** Every curve that the elementwise kernels know; `a` is the factor of `scale`. */
export function referenceCurve(curve: Curve, a = 1): ReferenceCurve {
  const curves: Record<Curve, ReferenceCurve> = {
    relu: { f: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
    silu: { f: (x) => x * sigmoid(x), slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))) },
    gelu: { f: (x) => x * normalCdf(x), slope: (x) => normalCdf(x) + x * density(x) },
    geluTanh: {
      f: (x) => 0.5 * x * (1 + Math.tanh(inner(x))),
      slope: (x) => 0.5 * (1 + Math.tanh(inner(x))) + 0.5 * x * (1 - Math.tanh(inner(x)) ** 2) * innerSlope(x),
    },
    sigmoid: { f: sigmoid, slope: (x) => sigmoid(x) * (1 - sigmoid(x)) },
    tanh: { f: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2 },
    square: { f: (x) => x * x, slope: (x) => 2 * x },
    scale: { f: (x) => a * x, slope: () => a },
    exp: { f: Math.exp, slope: Math.exp },
    log: { f: Math.log, slope: (x) => 1 / x },
    abs: { f: Math.abs, slope: Math.sign },
  };
  return curves[curve];
}

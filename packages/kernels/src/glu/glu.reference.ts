import type { ReferenceCurve } from "../activation/curves.reference.ts";

/** value·f(gate) in f64. */
export function gluReference({ f }: ReferenceCurve, value: Float64Array, gate: Float64Array): Float64Array {
  return value.map((v, i) => v * f(gate[i] ?? Number.NaN));
}

/** Gradients of value and gate. */
export function gluGradient(
  { f, slope }: ReferenceCurve,
  value: Float64Array,
  gate: Float64Array,
  dy: Float64Array,
): [Float64Array, Float64Array] {
  return [
    dy.map((d, i) => d * f(gate[i] ?? Number.NaN)),
    dy.map((d, i) => d * (value[i] ?? Number.NaN) * slope(gate[i] ?? Number.NaN)),
  ];
}

import { fma } from "./simd";

export const LOG2E: f32 = 1.44269504088896340736;
export const LN2: f32 = 0.69314718055994530942;

/** "Minus infinity" of a stored log-sum-exp, and the bound below which a stored value means "no key yet". */
export const EMPTY_LSE: f32 = -1e30;
export const EMPTY_BOUND: f32 = -1e29;

/**
 * 2^x for x <= ~126, exactly 0 below -100 (and for -infinity): a masked score then weighs exactly nothing, and no
 * denormal is ever produced. Relative error <= 1.9e-7 (minimax polynomial of degree 5 on [-1/2, 1/2], 1 at x = 0).
 */
// @ts-ignore: decorator
@inline
export function exp2x4(x: v128): v128 {
  // Adding 1.5·2^23 rounds to the nearest integer n and leaves n in the low mantissa bits.
  const shifted = f32x4.add(x, f32x4.splat(12582912.0));
  const f = f32x4.sub(x, f32x4.sub(shifted, f32x4.splat(12582912.0)));
  let p = fma(f32x4.splat(0.001326472731307149), f, f32x4.splat(0.009671512991189957));
  p = fma(p, f, f32x4.splat(0.05550733581185341));
  p = fma(p, f, f32x4.splat(0.24022242426872253));
  p = fma(p, f, f32x4.splat(0.6931470036506653));
  p = fma(p, f, f32x4.splat(1.0));
  // n << 23 added to the bits multiplies by 2^n; the upper bits of the magic number fall off the left end.
  const scaled = i32x4.add(p, i32x4.shl(shifted, 23));
  return v128.and(scaled, f32x4.gt(x, f32x4.splat(-100.0)));
}

// @ts-ignore: decorator
@inline
export function exp2(x: f32): f32 {
  return f32x4.extract_lane(exp2x4(f32x4.splat(x)), 0);
}

/** ln x for normal x > 0, in double precision inside (row epilogues only, so speed is no matter). */
export function ln(x: f32): f32 {
  const bits = reinterpret<i32>(x);
  // Mantissa in [sqrt(1/2), sqrt 2): e is the exponent of the nearest such scaling.
  const e = (bits - 0x3f3504f3) >> 23;
  const m = <f64>reinterpret<f32>(bits - (e << 23));
  const s = (m - 1.0) / (m + 1.0);
  const z = s * s;
  const series = 1.0 + z * (1.0 / 3.0 + z * (0.2 + z * (1.0 / 7.0 + z * (1.0 / 9.0))));
  return <f32>(<f64>e * 0.69314718055994530942 + 2.0 * s * series);
}

import { fma } from "./simd";

export const LOG2E: f32 = 1.44269504088896340736;
export const LN2: f32 = 0.69314718055994530942;

/** "Minus infinity" of a stored log-sum-exp, and the bound below which a stored value means "no key yet". */
export const EMPTY_LSE: f32 = -1e30;
export const EMPTY_BOUND: f32 = -1e29;

/** NaN as a stored lse: a row whose keys all have a score of minus infinity. Keys of other branches make it one that they alone count in. */
export const UNSCORED: u32 = 0x7fc01ae5;

/** Whether a row with this lse holds something that others merge with. */
export function holds(lse: f32): bool {
  return !(lse <= EMPTY_BOUND) && reinterpret<u32>(lse) != UNSCORED;
}

/**
 * 2^x for x <= ~126, exactly 0 below -100 (and for -infinity): a masked score then weighs exactly nothing, and no
 * denormal is ever produced. Relative error <= 1.9e-7 (minimax polynomial of degree 5 on [-1/2, 1/2], 1 at x = 0).
 */
// @ts-ignore: decorator
@inline
export function exp2x4(x: v128): v128 {
  return exp2With(
    x, f32x4.splat(ROUND), f32x4.splat(C5), f32x4.splat(C4), f32x4.splat(C3), f32x4.splat(C2), f32x4.splat(C1), f32x4.splat(1), f32x4.splat(LEAST),
  );
}

// Adding 1.5·2^23 rounds to the nearest integer n and leaves n in the low mantissa bits.
const ROUND: f32 = 12582912.0;
const C5: f32 = 0.001326472731307149;
const C4: f32 = 0.009671512991189957;
const C3: f32 = 0.05550733581185341;
const C2: f32 = 0.24022242426872253;
const C1: f32 = 0.6931470036506653;
const LEAST: f32 = -100;

/** Writes the eight constants of exp2With to `table` (32 bytes), from where a loop loads them with load32_splat. */
export function storeExpTable(table: usize): void {
  store<f32>(table, ROUND);
  store<f32>(table, C5, 4);
  store<f32>(table, C4, 8);
  store<f32>(table, C3, 12);
  store<f32>(table, C2, 16);
  store<f32>(table, C1, 20);
  store<f32>(table, 1, 24);
  store<f32>(table, LEAST, 28);
}

/**
 * exp2x4 with its constants given. Hot loops load them from memory: V8 from version 12 on builds a vector constant anew at every use
 * inside a loop, which made the softmax twice as slow on Node 24 as on Node 20.
 */
// @ts-ignore: decorator
@inline
export function exp2With(x: v128, round: v128, c5: v128, c4: v128, c3: v128, c2: v128, c1: v128, one: v128, least: v128): v128 {
  const shifted = f32x4.add(x, round);
  const f = f32x4.sub(x, f32x4.sub(shifted, round));
  let p = fma(c5, f, c4);
  p = fma(p, f, c3);
  p = fma(p, f, c2);
  p = fma(p, f, c1);
  p = fma(p, f, one);
  // n << 23 added to the bits multiplies by 2^n; the upper bits of the magic number fall off the left end.
  return v128.and(i32x4.add(p, i32x4.shl(shifted, 23)), f32x4.gt(x, least));
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

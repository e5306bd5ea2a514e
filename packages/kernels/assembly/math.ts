import { exp2x4, ln, LOG2E } from "./exp";
import { fma } from "./simd";

/** y, and NaN where x is: exp2 passes a NaN over. */
// @ts-ignore: decorator
@inline
function nanOf(x: v128, y: v128): v128 {
  return v128.or(y, f32x4.ne(x, x));
}

/** e^x, 0 for NaN; the callers keep x <= 88. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  return exp2x4(f32x4.mul(x, f32x4.splat(LOG2E)));
}

/** 1 / (1 + e^-x), by e^-|x| so that nothing overflows. */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const p = f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), e));
  return nanOf(x, v128.bitselect(p, f32x4.mul(e, p), f32x4.ge(x, f32x4.splat(0))));
}

/** tanh x; near 0, where 1 - e^-2x would cancel, by its Taylor series (relative error < 2e-7 below 0.3). */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x), s = f32x4.mul(x, x), one = f32x4.splat(1);
  let series = fma(s, f32x4.splat(62.0 / 2835.0), f32x4.splat(-17.0 / 315.0));
  series = fma(s, series, f32x4.splat(2.0 / 15.0));
  series = fma(s, series, f32x4.splat(-1.0 / 3.0));
  series = fma(s, series, one);
  const e = exp4(f32x4.mul(size, f32x4.splat(-2)));
  const far = f32x4.div(f32x4.sub(one, e), f32x4.add(one, e));
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)));
  return nanOf(x, v128.bitselect(f32x4.mul(x, series), signed, f32x4.lt(size, f32x4.splat(0.3))));
}

/** 1 - tanh² x, by 4e / (1 + e)² with e = e^-2|x|, which cancels nowhere; no particular number for NaN. */
// @ts-ignore: decorator
@inline
export function sechSquare4(x: v128): v128 {
  const e = exp4(f32x4.mul(f32x4.abs(x), f32x4.splat(-2))), sum = f32x4.add(f32x4.splat(1), e);
  return f32x4.div(f32x4.mul(f32x4.splat(4), e), f32x4.mul(sum, sum));
}

/** e^(-x²/2): the normal density without its 1/sqrt(2 pi). */
// @ts-ignore: decorator
@inline
export function bell4(x: v128): v128 {
  return exp4(f32x4.max(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)), f32x4.splat(-80)));
}

/**
 * Normal distribution function (1 + erf(x/sqrt 2))/2, given bell4(x). Abramowitz & Stegun 7.1.26 for erfc, absolute
 * error < 2e-7; taken from the tail's side, so that no cancellation happens where the value is small.
 */
// @ts-ignore: decorator
@inline
export function normalCdf4(x: v128, bell: v128): v128 {
  const one = f32x4.splat(1);
  const t = f32x4.div(one, fma(f32x4.abs(x), f32x4.splat(0.23164189), one)); // 0.3275911 / sqrt 2
  let p = fma(t, f32x4.splat(1.061405429), f32x4.splat(-1.453152027));
  p = fma(t, p, f32x4.splat(1.421413741));
  p = fma(t, p, f32x4.splat(-0.284496736));
  p = fma(t, p, f32x4.splat(0.254829592));
  const tail = f32x4.mul(f32x4.mul(f32x4.mul(t, p), bell), f32x4.splat(0.5));
  return nanOf(x, v128.bitselect(f32x4.sub(one, tail), tail, f32x4.ge(x, f32x4.splat(0))));
}

/** 2^n for whole n in [-126, 127]. */
// @ts-ignore: decorator
@inline
function power4(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/**
 * e^x for every x: infinity where it overflows, denormal where it is. x is first brought into [-ln 2 / 2, ln 2 / 2], by
 * ln 2 in two parts of which the first has so few bits that its product is exact; the power of two is multiplied in two
 * halves.
 */
export function expOfAll4(x: v128): v128 {
  const bounded = f32x4.min(f32x4.max(x, f32x4.splat(-110)), f32x4.splat(95));
  const n = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(LOG2E)));
  const most = f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375)));
  const rest = f32x4.add(most, f32x4.mul(n, f32x4.splat(2.1219444e-4)));
  const whole = i32x4.trunc_sat_f32x4_s(n), half = i32x4.shr_s(whole, 1);
  return nanOf(x, f32x4.mul(f32x4.mul(exp4(rest), power4(half)), power4(i32x4.sub(whole, half))));
}

/** ln x for every x, in double precision inside: minus infinity at 0, NaN below. */
function logOf(x: f32): f32 {
  if (!(x > 0)) return x == 0 ? -f32.POSITIVE_INFINITY : f32.NaN;
  if (x == f32.POSITIVE_INFINITY) return x;
  return x < f32.MIN_NORMAL_VALUE ? ln(x * 16777216) - 16.635532333438686 : ln(x);
}

/** {@link logOf} of four. */
export function logOf4(x: v128): v128 {
  let y = f32x4.splat(logOf(f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, logOf(f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, logOf(f32x4.extract_lane(x, 2)));
  return f32x4.replace_lane(y, 3, logOf(f32x4.extract_lane(x, 3)));
}

import { bell4, expOfAll4, logOf4, normalCdf4, sigmoid4, tanh4 } from "./math";
import { fma } from "./simd";

// Codes of the curves: the same numbers are in src/activation/curves.ts and curves.wgsl.
const RELU: i32 = 0;
const SILU: i32 = 1;
const GELU: i32 = 2;
const GELU_TANH: i32 = 3;
const SIGMOID: i32 = 4;
const TANH: i32 = 5;
const SQUARE: i32 = 6;
const EXP: i32 = 8;
const LOG: i32 = 9;
const ABS: i32 = 10;

/** sqrt(2/pi) and 1/sqrt(2 pi). */
const ROOT: f32 = 0.7978845608028654;
const DENSITY: f32 = 0.3989422804014327;
const CUBIC: f32 = 0.044715;

/** Quads of one work item; ITEM_QUADS of src/shared/launch.ts. */
export const ITEM_QUADS: i32 = 1024;

/** f(x) of curve `op`; the default, SCALE, is a·x. */
export function curve4(op: i32, x: v128, a: f32): v128 {
  switch (op) {
    case RELU: return f32x4.max(x, f32x4.splat(0));
    case SILU: return f32x4.mul(x, sigmoid4(x));
    case GELU: return f32x4.mul(x, normalCdf4(x, bell4(x)));
    case GELU_TANH: return f32x4.mul(x, sigmoid4(tanhArgument(x)));
    case SIGMOID: return sigmoid4(x);
    case TANH: return tanh4(x);
    case SQUARE: return f32x4.mul(x, x);
    case EXP: return expOfAll4(x);
    case LOG: return logOf4(x);
    case ABS: return f32x4.abs(x);
    default: return f32x4.mul(x, f32x4.splat(a));
  }
}

/** f'(x) of curve `op`; EXP is given e^x. */
export function slope4(op: i32, x: v128, a: f32): v128 {
  const one = f32x4.splat(1);
  switch (op) {
    case RELU: return v128.and(f32x4.gt(x, f32x4.splat(0)), one);
    case SILU: {
      const s = sigmoid4(x);
      return f32x4.mul(s, fma(x, f32x4.sub(one, s), one));
    }
    case GELU: {
      const bell = bell4(x);
      return fma(f32x4.mul(x, bell), f32x4.splat(DENSITY), normalCdf4(x, bell));
    }
    case GELU_TANH: {
      const s = sigmoid4(tanhArgument(x));
      const inner = fma(f32x4.mul(x, x), f32x4.splat(6 * ROOT * CUBIC), f32x4.splat(2 * ROOT));
      return fma(f32x4.mul(f32x4.mul(x, s), f32x4.sub(one, s)), inner, s);
    }
    case SIGMOID: {
      const s = sigmoid4(x);
      return f32x4.mul(s, f32x4.sub(one, s));
    }
    case TANH: {
      const t = tanh4(x);
      return f32x4.sub(one, f32x4.mul(t, t));
    }
    case SQUARE: return f32x4.add(x, x);
    case EXP: return x;
    case LOG: return f32x4.div(one, x);
    case ABS: {
      const zero = f32x4.splat(0), sign = v128.or(one, v128.and(x, i32x4.splat(0x80000000)));
      return v128.or(v128.andnot(sign, f32x4.eq(x, zero)), f32x4.ne(x, x));
    }
    default: return f32x4.splat(a);
  }
}

/** 2·sqrt(2/pi)·(x + 0.044715 x³): (1 + tanh u)/2 = sigmoid(2u). */
// @ts-ignore: decorator
@inline
function tanhArgument(x: v128): v128 {
  return f32x4.mul(x, fma(f32x4.mul(x, x), f32x4.splat(2 * ROOT * CUBIC), f32x4.splat(2 * ROOT)));
}

/** y = f(x), or y = f'(x)·dy where dy is given. Words: x, dy, y, quads, op, a. An item is ITEM_QUADS groups of four. */
export function unaryF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params, 0), dy = load<usize>(params, 4), y = load<usize>(params, 8);
  const quads = load<i32>(params, 12), op = load<i32>(params, 16), a = load<f32>(params, 20);
  const last = <usize>min(quads, end * ITEM_QUADS) << 4;
  for (let at = <usize>(begin * ITEM_QUADS) << 4; at < last; at += 16) {
    const value = v128.load(x + at);
    v128.store(y + at, dy ? f32x4.mul(slope4(op, value, a), v128.load(dy + at)) : curve4(op, value, a));
  }
}

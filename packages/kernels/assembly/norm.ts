import { fma, sum4 } from "./simd";

/** Elements whose partial sums stay in f32; blocks are added in f64, so that rows of any width keep their accuracy. */
const BLOCK: usize = 4096;

/** Σ (x - mean)^power over a row of `bytes`; power 1 or 2. */
function rowMoment(x: usize, bytes: usize, mean: f32, square: bool): f64 {
  const centre = f32x4.splat(mean);
  let total: f64 = 0;
  for (let from: usize = 0; from < bytes; from += BLOCK) {
    const to = min(bytes, from + BLOCK), whole = from + ((to - from) & ~15);
    let sum = f32x4.splat(0), at = from;
    for (; at < whole; at += 16) {
      const d = f32x4.sub(v128.load(x + at), centre);
      sum = square ? fma(d, d, sum) : f32x4.add(sum, d);
    }
    let rest: f32 = 0;
    for (; at < to; at += 4) {
      const d = load<f32>(x + at) - mean;
      rest += square ? d * d : d;
    }
    total += <f64>(sum4(sum) + rest);
  }
  return total;
}

// @ts-ignore: decorator
@inline
function lane(at: usize): v128 {
  return v128.load32_zero(at);
}

/** y of one vector: (x - mean)·rstd·weight + bias. */
// @ts-ignore: decorator
@inline
function affine(x: v128, mean: v128, rstd: v128): v128 {
  return f32x4.mul(f32x4.sub(x, mean), rstd);
}

/**
 * y = (x - mean)·rstd·weight + bias per row. With a place for `mean` this is layer norm, without one RMS norm (mean 0).
 * Words: x, weight, bias, y, mean, rstd, width, eps. An item is a row.
 */
export function normF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x0 = load<usize>(params, 0), weight = load<usize>(params, 4), bias = load<usize>(params, 8), y0 = load<usize>(params, 12);
  const means = load<usize>(params, 16), rstds = load<usize>(params, 20), width = load<i32>(params, 24), eps = load<f32>(params, 28);
  const bytes = <usize>width << 2, whole = bytes & ~15;
  for (let row = <usize>begin; row < <usize>end; row++) {
    const x = x0 + row * bytes, y = y0 + row * bytes;
    const centre: f32 = means ? <f32>(rowMoment(x, bytes, 0, false) / <f64>width) : 0;
    const scale = <f32>(1.0 / Math.sqrt(rowMoment(x, bytes, centre, true) / <f64>width + <f64>eps));
    if (means) store<f32>(means + (row << 2), centre);
    store<f32>(rstds + (row << 2), scale);
    const mean = f32x4.splat(centre), rstd = f32x4.splat(scale);
    for (let at: usize = 0; at < whole; at += 16) {
      let value = affine(v128.load(x + at), mean, rstd);
      if (weight) value = f32x4.mul(value, v128.load(weight + at));
      if (bias) value = f32x4.add(value, v128.load(bias + at));
      v128.store(y + at, value);
    }
    for (let at = whole; at < bytes; at += 4) {
      let value = affine(lane(x + at), mean, rstd);
      if (weight) value = f32x4.mul(value, lane(weight + at));
      if (bias) value = f32x4.add(value, lane(bias + at));
      v128.store_lane<f32>(y + at, value, 0);
    }
  }
}

/**
 * dx = rstd·(g - mean(g) - xhat·mean(g·xhat)) per row, g = dy·weight; the middle term only where a mean was taken.
 * Words: x, weight, dy, mean, rstd, dx, width. An item is a row.
 */
export function normBackwardF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x0 = load<usize>(params, 0), weight = load<usize>(params, 4), dy0 = load<usize>(params, 8);
  const means = load<usize>(params, 12), rstds = load<usize>(params, 16), dx0 = load<usize>(params, 20), width = load<i32>(params, 24);
  const bytes = <usize>width << 2, whole = bytes & ~15;
  for (let row = <usize>begin; row < <usize>end; row++) {
    const x = x0 + row * bytes, dy = dy0 + row * bytes, dx = dx0 + row * bytes;
    const mean = f32x4.splat(means ? load<f32>(means + (row << 2)) : 0), rstd = v128.load32_splat(rstds + (row << 2));
    let plain: f64 = 0, along: f64 = 0;
    for (let from: usize = 0; from < bytes; from += BLOCK) {
      const to = min(bytes, from + BLOCK), cut = min(to, max(from, whole));
      let sum = f32x4.splat(0), dot = f32x4.splat(0), at = from;
      for (; at < cut; at += 16) {
        let g = v128.load(dy + at);
        if (weight) g = f32x4.mul(g, v128.load(weight + at));
        sum = f32x4.add(sum, g);
        dot = fma(g, affine(v128.load(x + at), mean, rstd), dot);
      }
      for (; at < to; at += 4) {
        let g = lane(dy + at); // the other lanes stay 0
        if (weight) g = f32x4.mul(g, lane(weight + at));
        sum = f32x4.add(sum, g);
        dot = fma(g, affine(lane(x + at), mean, rstd), dot);
      }
      plain += <f64>sum4(sum);
      along += <f64>sum4(dot);
    }
    const shift = f32x4.splat(means ? <f32>(plain / <f64>width) : 0), slope = f32x4.splat(<f32>(along / <f64>width));
    for (let at: usize = 0; at < whole; at += 16) {
      let g = v128.load(dy + at);
      if (weight) g = f32x4.mul(g, v128.load(weight + at));
      const rest = f32x4.sub(f32x4.sub(g, shift), f32x4.mul(affine(v128.load(x + at), mean, rstd), slope));
      v128.store(dx + at, f32x4.mul(rest, rstd));
    }
    for (let at = whole; at < bytes; at += 4) {
      let g = lane(dy + at);
      if (weight) g = f32x4.mul(g, lane(weight + at));
      const rest = f32x4.sub(f32x4.sub(g, shift), f32x4.mul(affine(lane(x + at), mean, rstd), slope));
      v128.store_lane<f32>(dx + at, f32x4.mul(rest, rstd), 0);
    }
  }
}

import { exp4 } from "./math";
import { fma, sum4 } from "./simd";

/** Bytes whose partial sums stay in f32; see norm.ts. */
const BLOCK: usize = 4096;

function rowMax(x: usize, bytes: usize): f32 {
  const whole = bytes & ~15;
  let most = f32x4.splat(load<f32>(x)), at: usize = 0;
  for (; at < whole; at += 16) most = f32x4.max(most, v128.load(x + at));
  for (; at < bytes; at += 4) most = f32x4.max(most, v128.load32_splat(x + at));
  most = f32x4.max(most, v128.shuffle<i32>(most, most, 2, 3, 0, 1));
  return max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
}

/** y = e^(x - max) / Σ e^(x - max) per row. Words: x, y, width. An item is a row. */
export function softmaxF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x0 = load<usize>(params, 0), y0 = load<usize>(params, 4), bytes = <usize>load<i32>(params, 8) << 2;
  const whole = bytes & ~15;
  for (let row = <usize>begin; row < <usize>end; row++) {
    const x = x0 + row * bytes, y = y0 + row * bytes;
    const most = f32x4.splat(rowMax(x, bytes));
    let total: f64 = 0;
    for (let from: usize = 0; from < bytes; from += BLOCK) {
      const to = min(bytes, from + BLOCK), cut = min(to, max(from, whole));
      let sum = f32x4.splat(0), at = from;
      for (; at < cut; at += 16) {
        const e = exp4(f32x4.sub(v128.load(x + at), most));
        sum = f32x4.add(sum, e);
        v128.store(y + at, e);
      }
      total += <f64>sum4(sum);
      for (; at < to; at += 4) {
        const e = f32x4.extract_lane(exp4(f32x4.sub(v128.load32_splat(x + at), most)), 0);
        total += <f64>e;
        store<f32>(y + at, e);
      }
    }
    const scale = <f32>(1.0 / total), scales = f32x4.splat(scale);
    for (let at: usize = 0; at < whole; at += 16) v128.store(y + at, f32x4.mul(v128.load(y + at), scales));
    for (let at = whole; at < bytes; at += 4) store<f32>(y + at, load<f32>(y + at) * scale);
  }
}

/** dx = y·(dy - Σ y·dy) per row. Words: y, dy, dx, width. An item is a row. */
export function softmaxBackwardF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const y0 = load<usize>(params, 0), dy0 = load<usize>(params, 4), dx0 = load<usize>(params, 8), bytes = <usize>load<i32>(params, 12) << 2;
  const whole = bytes & ~15;
  for (let row = <usize>begin; row < <usize>end; row++) {
    const y = y0 + row * bytes, dy = dy0 + row * bytes, dx = dx0 + row * bytes;
    let total: f64 = 0;
    for (let from: usize = 0; from < bytes; from += BLOCK) {
      const to = min(bytes, from + BLOCK), cut = min(to, max(from, whole));
      let sum = f32x4.splat(0), at = from;
      for (; at < cut; at += 16) sum = fma(v128.load(y + at), v128.load(dy + at), sum);
      total += <f64>sum4(sum);
      for (; at < to; at += 4) total += <f64>(load<f32>(y + at) * load<f32>(dy + at));
    }
    const dot = <f32>total, dots = f32x4.splat(dot);
    for (let at: usize = 0; at < whole; at += 16) v128.store(dx + at, f32x4.mul(v128.load(y + at), f32x4.sub(v128.load(dy + at), dots)));
    for (let at = whole; at < bytes; at += 4) store<f32>(dx + at, load<f32>(y + at) * (load<f32>(dy + at) - dot));
  }
}

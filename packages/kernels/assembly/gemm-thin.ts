import { fma, sum4 } from "./simd";

// Products with fewer than four rows of A (generation, one token at a time) are bound by reading B once: packing would read it twice.

/** acc[cols] += a[k]·B for B [k, cols] with contiguous rows, four rows of B in one pass over acc. */
export function thinRows(a: usize, b: usize, rowStep: usize, cols: i32, k: i32, acc: usize): void {
  const c4 = <usize>(cols & ~3) << 2, end = <usize>cols << 2;
  let i = 0;
  for (; i + 4 <= k; i += 4, a += 16, b += rowStep * 4) {
    const s0 = v128.load32_splat(a), s1 = v128.load32_splat(a, 4), s2 = v128.load32_splat(a, 8), s3 = v128.load32_splat(a, 12);
    const b1 = b + rowStep, b2 = b1 + rowStep, b3 = b2 + rowStep;
    for (let j: usize = 0; j < c4; j += 16) {
      const low = fma(s1, v128.load(b1 + j), fma(s0, v128.load(b + j), v128.load(acc + j)));
      v128.store(acc + j, fma(s3, v128.load(b3 + j), fma(s2, v128.load(b2 + j), low)));
    }
    for (let j = c4; j < end; j += 4) {
      let x = load<f32>(acc + j);
      for (let n: usize = 0; n < 4; n++) x += load<f32>(a + n * 4) * load<f32>(b + n * rowStep + j);
      store<f32>(acc + j, x);
    }
  }
  for (; i < k; i++, a += 4, b += rowStep) {
    const s = load<f32>(a);
    for (let j: usize = 0; j < end; j += 4) store<f32>(acc + j, load<f32>(acc + j) + s * load<f32>(b + j));
  }
}

/** acc[cols] += a[k]·B for B with contiguous columns, four columns in one pass over a. */
export function thinColumns(a: usize, b: usize, colStep: usize, cols: i32, k: i32, acc: usize): void {
  const k4 = <usize>(k & ~3) << 2, end = <usize>k << 2;
  for (let j = 0; j < cols; j += 4, b += colStep * 4, acc += 16) {
    // At the right edge the last column is done more than once and stored once.
    const n = min(4, cols - j), b1 = b + colStep * <usize>min(1, n - 1), b2 = b + colStep * <usize>min(2, n - 1);
    const b3 = b + colStep * <usize>(n - 1);
    let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
    for (let i: usize = 0; i < k4; i += 16) {
      const s = v128.load(a + i);
      c0 = fma(s, v128.load(b + i), c0);
      c1 = fma(s, v128.load(b1 + i), c1);
      c2 = fma(s, v128.load(b2 + i), c2);
      c3 = fma(s, v128.load(b3 + i), c3);
    }
    addTo(acc, sum4(c0) + rest(a, b, k4, end));
    if (n > 1) addTo(acc + 4, sum4(c1) + rest(a, b1, k4, end));
    if (n > 2) addTo(acc + 8, sum4(c2) + rest(a, b2, k4, end));
    if (n > 3) addTo(acc + 12, sum4(c3) + rest(a, b3, k4, end));
  }
}

// @ts-ignore: decorator
@inline
function addTo(at: usize, x: f32): void {
  store<f32>(at, load<f32>(at) + x);
}

/** The last k mod 4 terms of a dot product. */
function rest(a: usize, b: usize, from: usize, end: usize): f32 {
  let sum: f32 = 0;
  for (let i = from; i < end; i += 4) sum += load<f32>(a + i) * load<f32>(b + i);
  return sum;
}

import { fma } from "./simd";

/** Rows and columns of the register tile: 12 accumulators, 2 vectors of B and one splat of A fill 15 of the 16 registers. */
export const MR: i32 = 6;
export const NR: i32 = 8;

/**
 * One register tile: C[6, 8] = bias[8] + A·B (+ beta·C), A packed [K][6], B packed [K][8], K even (packing pads with zeros).
 * `stride` is the byte distance of rows of C. With accumulate = 0 the old C is not read.
 */
export function tile6x8(a: usize, b: usize, k: i32, c: usize, stride: usize, bias: usize, accumulate: i32, beta: f32): void {
  let c00 = v128.load(bias), c01 = v128.load(bias, 16);
  let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01, c40 = c00, c41 = c01, c50 = c00, c51 = c01;
  for (const last = a + (<usize>k) * 24; a != last; a += 48, b += 64) {
    let b0 = v128.load(b), b1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
    s = v128.load32_splat(a, 4);
    c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
    s = v128.load32_splat(a, 8);
    c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
    s = v128.load32_splat(a, 12);
    c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
    s = v128.load32_splat(a, 16);
    c40 = fma(s, b0, c40); c41 = fma(s, b1, c41);
    s = v128.load32_splat(a, 20);
    c50 = fma(s, b0, c50); c51 = fma(s, b1, c51);
    b0 = v128.load(b, 32); b1 = v128.load(b, 48);
    s = v128.load32_splat(a, 24);
    c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
    s = v128.load32_splat(a, 28);
    c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
    s = v128.load32_splat(a, 32);
    c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
    s = v128.load32_splat(a, 36);
    c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
    s = v128.load32_splat(a, 40);
    c40 = fma(s, b0, c40); c41 = fma(s, b1, c41);
    s = v128.load32_splat(a, 44);
    c50 = fma(s, b0, c50); c51 = fma(s, b1, c51);
  }
  if (accumulate) {
    const t = f32x4.splat(beta);
    let row = c;
    c00 = fma(t, v128.load(row), c00); c01 = fma(t, v128.load(row, 16), c01); row += stride;
    c10 = fma(t, v128.load(row), c10); c11 = fma(t, v128.load(row, 16), c11); row += stride;
    c20 = fma(t, v128.load(row), c20); c21 = fma(t, v128.load(row, 16), c21); row += stride;
    c30 = fma(t, v128.load(row), c30); c31 = fma(t, v128.load(row, 16), c31); row += stride;
    c40 = fma(t, v128.load(row), c40); c41 = fma(t, v128.load(row, 16), c41); row += stride;
    c50 = fma(t, v128.load(row), c50); c51 = fma(t, v128.load(row, 16), c51);
  }
  v128.store(c, c00); v128.store(c, c01, 16); c += stride;
  v128.store(c, c10); v128.store(c, c11, 16); c += stride;
  v128.store(c, c20); v128.store(c, c21, 16); c += stride;
  v128.store(c, c30); v128.store(c, c31, 16); c += stride;
  v128.store(c, c40); v128.store(c, c41, 16); c += stride;
  v128.store(c, c50); v128.store(c, c51, 16);
}

/**
 * The same tile where it sticks out of C: `rows` <= 6 and `cols` <= 8 are real. It passes through `tile` (192 bytes of
 * scratch), so that nothing outside C is touched.
 */
export function edgeTile(
  a: usize, b: usize, k: i32, c: usize, stride: usize, bias: usize, accumulate: i32, beta: f32,
  rows: i32, cols: i32, tile: usize,
): void {
  tile6x8(a, b, k, tile, 32, bias, 0, 0);
  for (let i = 0; i < rows; i++) {
    const from = tile + (<usize>i) * 32, to = c + (<usize>i) * stride;
    for (let j: usize = 0; j < <usize>cols; j++) {
      const x = load<f32>(from + j * 4);
      store<f32>(to + j * 4, accumulate ? x + beta * load<f32>(to + j * 4) : x);
    }
  }
}

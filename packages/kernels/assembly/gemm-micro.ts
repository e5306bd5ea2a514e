import { fma } from "./simd";

/** Rows and columns of the register tile: 8 accumulators, 2 vectors of B, one splat of A and a product. */
export const MR: i32 = 4;
export const NR: i32 = 8;

// Why so small, and a loop of one step: V8 hoists the loads of a straight stretch of code above its arithmetic, so a longer unrolled body, or a
// taller tile, spills accumulators. Measured in docs/perf-log.md: unrolled by eight, the same tile runs at 60 % of this speed.

/**
 * One register tile: C[4, 8] = bias[8] + A·B (+ beta·C), A packed [K][4], B packed [K][8]. `stride` is the byte
 * distance of rows of C; `beta` points at a float, and with 0 the old C is not read.
 */
export function tile4x8(a: usize, b: usize, k: i32, c: usize, stride: usize, bias: usize, beta: usize): void {
  let c00 = v128.load(bias), c01 = v128.load(bias, 16);
  let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01;
  for (const last = a + (<usize>k) * 16; a != last; a += 16, b += 32) {
    let b0 = v128.load(b), b1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
    s = v128.load32_splat(a, 4);
    c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
    s = v128.load32_splat(a, 8);
    c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
    s = v128.load32_splat(a, 12);
    c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
  }
  if (beta) {
    const t = v128.load32_splat(beta);
    let row = c;
    c00 = fma(t, v128.load(row), c00); c01 = fma(t, v128.load(row, 16), c01); row += stride;
    c10 = fma(t, v128.load(row), c10); c11 = fma(t, v128.load(row, 16), c11); row += stride;
    c20 = fma(t, v128.load(row), c20); c21 = fma(t, v128.load(row, 16), c21); row += stride;
    c30 = fma(t, v128.load(row), c30); c31 = fma(t, v128.load(row, 16), c31);
  }
  v128.store(c, c00); v128.store(c, c01, 16); c += stride;
  v128.store(c, c10); v128.store(c, c11, 16); c += stride;
  v128.store(c, c20); v128.store(c, c21, 16); c += stride;
  v128.store(c, c30); v128.store(c, c31, 16);
}

/**
 * The same tile where it sticks out of C: `rows` <= 4 and `cols` <= 8 are real. It passes through `tile` (128 bytes of
 * scratch), so that nothing outside C is touched.
 */
export function edgeTile(
  a: usize, b: usize, k: i32, c: usize, stride: usize, bias: usize, beta: usize, rows: i32, cols: i32, tile: usize,
): void {
  tile4x8(a, b, k, tile, 32, bias, 0);
  for (let i = 0; i < rows; i++) {
    const from = tile + (<usize>i) * 32, to = c + (<usize>i) * stride;
    for (let j: usize = 0; j < <usize>cols; j++) {
      const x = load<f32>(from + j * 4);
      store<f32>(to + j * 4, beta ? x + load<f32>(beta) * load<f32>(to + j * 4) : x);
    }
  }
}

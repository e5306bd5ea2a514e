import { fma } from "./simd";

// The register tiles of attention: 4 x 8 accumulators, all of them over *panels of eight queries*. Scores are kept
// transposed, [key][8 queries], so that a softmax over keys is a vertical operation on lanes (no horizontal sums, no
// shuffles) and a score panel is at once the packed left operand of P·V and of dS·K.

// The loops are not unrolled, for the reason given in gemm-micro.ts.

/** Keys in one packed tile, and the query panel width. */
export const KEYS: i32 = 128;
export const PANEL: i32 = 8;

/**
 * out[key][8] = A·Y for 4·groups keys: a packed [groups][D][4 keys], y packed [D][8 queries], D a multiple of 4.
 * The 32-byte rows of `out` follow each other.
 */
export function scorePanel(a: usize, y: usize, out: usize, D: i32, groups: i32): void {
  const bytes = (<usize>D) << 4;
  for (const end = a + bytes * <usize>groups; a != end; out += 128) {
    let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
    let b = y;
    for (const last = a + bytes; a != last; a += 16, b += 32) {
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
    v128.store(out, c00); v128.store(out, c01, 16);
    v128.store(out, c10, 32); v128.store(out, c11, 48);
    v128.store(out, c20, 64); v128.store(out, c21, 80);
    v128.store(out, c30, 96); v128.store(out, c31, 112);
  }
}

/**
 * o[8 queries][Dp] = alpha[8]·o + Σ_key p[key][8]·v[key]: v packed [Dp/8][KEYS][8]. The rows of o are Dp floats apart.
 */
export function valuePanel(p: usize, v: usize, o: usize, keys: i32, Dp: i32, alpha: usize): void {
  const row = (<usize>Dp) << 2, bytes = (<usize>keys) << 5;
  for (let d = 0; d < Dp; d += 8, v += KEYS * 32, o += 32) {
    for (let half: usize = 0; half < 32; half += 16) {
      let out = o + row * (half >> 2);
      let s = v128.load32_splat(alpha + half);
      let c00 = f32x4.mul(s, v128.load(out)), c01 = f32x4.mul(s, v128.load(out, 16));
      out += row; s = v128.load32_splat(alpha + half, 4);
      let c10 = f32x4.mul(s, v128.load(out)), c11 = f32x4.mul(s, v128.load(out, 16));
      out += row; s = v128.load32_splat(alpha + half, 8);
      let c20 = f32x4.mul(s, v128.load(out)), c21 = f32x4.mul(s, v128.load(out, 16));
      out += row; s = v128.load32_splat(alpha + half, 12);
      let c30 = f32x4.mul(s, v128.load(out)), c31 = f32x4.mul(s, v128.load(out, 16));
      let a = p + half, b = v;
      for (const last = a + bytes; a != last; a += 32, b += 32) {
        let b0 = v128.load(b), b1 = v128.load(b, 16);
        s = v128.load32_splat(a);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 4);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 8);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 12);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
      }
      out = o + row * (half >> 2);
      v128.store(out, c00); v128.store(out, c01, 16); out += row;
      v128.store(out, c10); v128.store(out, c11, 16); out += row;
      v128.store(out, c20); v128.store(out, c21, 16); out += row;
      v128.store(out, c30); v128.store(out, c31, 16);
    }
  }
}

/**
 * acc[key][Dp] += Σ_q p[panel][key][q]·x[8·panel + q] for 4·groups keys: p is `panels` panels of [KEYS][8], x packed
 * [Dp/8][capacity][8]. The left operand is the transpose of what lies in memory, which splats read just as well.
 */
export function keyPanel(p: usize, x: usize, acc: usize, groups: i32, panels: i32, Dp: i32, capacity: i32): void {
  const row = (<usize>Dp) << 2, bytes = <usize>(panels * KEYS) << 5, step = <usize>capacity << 5;
  for (const end = p + ((<usize>groups) << 7); p != end; p += 128, acc += row * 4) {
    let column = x;
    for (let o = acc; o != acc + row; o += 32, column += step) {
      let out = o;
      let c00 = v128.load(out), c01 = v128.load(out, 16); out += row;
      let c10 = v128.load(out), c11 = v128.load(out, 16); out += row;
      let c20 = v128.load(out), c21 = v128.load(out, 16); out += row;
      let c30 = v128.load(out), c31 = v128.load(out, 16);
      let b = column;
      for (let panel = p; panel != p + bytes; panel += KEYS * 32) {
        for (let a = panel; a != panel + 32; a += 4, b += 32) {
          let b0 = v128.load(b), b1 = v128.load(b, 16);
          let s = v128.load32_splat(a);
          c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
          s = v128.load32_splat(a, 32);
          c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
          s = v128.load32_splat(a, 64);
          c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
          s = v128.load32_splat(a, 96);
          c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        }
      }
      out = o;
      v128.store(out, c00); v128.store(out, c01, 16); out += row;
      v128.store(out, c10); v128.store(out, c11, 16); out += row;
      v128.store(out, c20); v128.store(out, c21, 16); out += row;
      v128.store(out, c30); v128.store(out, c31, 16);
    }
  }
}

import { fma } from "./simd";

// The register tiles of attention: 4 x 8 accumulators, all of them over *panels of eight queries*. Scores are kept
// transposed, [key][8 queries], so that a softmax over keys is a vertical operation on lanes (no horizontal sums, no
// shuffles) and a score panel is at once the packed left operand of P·V and of dS·K.

/** Keys in one packed tile, and the query panel width. */
export const KEYS: i32 = 128;
export const PANEL: i32 = 8;

/**
 * out[key][8] = X·Y for 4·groups keys: x packed [groups][D][4 keys], y packed [D][8 queries], D a multiple of 4.
 * The 32-byte rows of `out` follow each other.
 */
export function scorePanel(x: usize, y: usize, out: usize, D: i32, groups: i32): void {
  const bytes = (<usize>D) << 4;
  for (const end = x + bytes * <usize>groups; x != end; out += 128) {
    let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
    let q = y;
    for (const last = x + bytes; x != last; x += 64, q += 128) {
      let b0 = v128.load(q), b1 = v128.load(q, 16);
      let s = v128.load32_splat(x);
      c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
      s = v128.load32_splat(x, 4);
      c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
      s = v128.load32_splat(x, 8);
      c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
      s = v128.load32_splat(x, 12);
      c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
      b0 = v128.load(q, 32); b1 = v128.load(q, 48);
      s = v128.load32_splat(x, 16);
      c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
      s = v128.load32_splat(x, 20);
      c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
      s = v128.load32_splat(x, 24);
      c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
      s = v128.load32_splat(x, 28);
      c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
      b0 = v128.load(q, 64); b1 = v128.load(q, 80);
      s = v128.load32_splat(x, 32);
      c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
      s = v128.load32_splat(x, 36);
      c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
      s = v128.load32_splat(x, 40);
      c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
      s = v128.load32_splat(x, 44);
      c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
      b0 = v128.load(q, 96); b1 = v128.load(q, 112);
      s = v128.load32_splat(x, 48);
      c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
      s = v128.load32_splat(x, 52);
      c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
      s = v128.load32_splat(x, 56);
      c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
      s = v128.load32_splat(x, 60);
      c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
    }
    v128.store(out, c00); v128.store(out, c01, 16);
    v128.store(out, c10, 32); v128.store(out, c11, 48);
    v128.store(out, c20, 64); v128.store(out, c21, 80);
    v128.store(out, c30, 96); v128.store(out, c31, 112);
  }
}

/**
 * o[8 queries][Dp] = alpha[8]·o + Σ_key p[key][8]·v[key]: v packed [Dp/8][KEYS][8], `keys` a multiple of 4 (the rows of p
 * past the last real key are zero). The rows of o are Dp floats apart.
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
      for (const last = a + bytes; a != last; a += 128, b += 128) {
        let b0 = v128.load(b), b1 = v128.load(b, 16);
        s = v128.load32_splat(a);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 4);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 8);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 12);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        b0 = v128.load(b, 32); b1 = v128.load(b, 48);
        s = v128.load32_splat(a, 32);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 36);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 40);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 44);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        b0 = v128.load(b, 64); b1 = v128.load(b, 80);
        s = v128.load32_splat(a, 64);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 68);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 72);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 76);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        b0 = v128.load(b, 96); b1 = v128.load(b, 112);
        s = v128.load32_splat(a, 96);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 100);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 104);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 108);
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
      let a = p, b = column;
      for (const last = a + bytes; a != last; a += KEYS * 32, b += 256) {
        let b0 = v128.load(b), b1 = v128.load(b, 16);
        let s = v128.load32_splat(a);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 32);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 64);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 96);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        b0 = v128.load(b, 32); b1 = v128.load(b, 48);
        s = v128.load32_splat(a, 4);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 36);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 68);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 100);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        b0 = v128.load(b, 64); b1 = v128.load(b, 80);
        s = v128.load32_splat(a, 8);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 40);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 72);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 104);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        b0 = v128.load(b, 96); b1 = v128.load(b, 112);
        s = v128.load32_splat(a, 12);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 44);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 76);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 108);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        b0 = v128.load(b, 128); b1 = v128.load(b, 144);
        s = v128.load32_splat(a, 16);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 48);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 80);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 112);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        b0 = v128.load(b, 160); b1 = v128.load(b, 176);
        s = v128.load32_splat(a, 20);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 52);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 84);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 116);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        b0 = v128.load(b, 192); b1 = v128.load(b, 208);
        s = v128.load32_splat(a, 24);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 56);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 88);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 120);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
        b0 = v128.load(b, 224); b1 = v128.load(b, 240);
        s = v128.load32_splat(a, 28);
        c00 = fma(s, b0, c00); c01 = fma(s, b1, c01);
        s = v128.load32_splat(a, 60);
        c10 = fma(s, b0, c10); c11 = fma(s, b1, c11);
        s = v128.load32_splat(a, 92);
        c20 = fma(s, b0, c20); c21 = fma(s, b1, c21);
        s = v128.load32_splat(a, 124);
        c30 = fma(s, b0, c30); c31 = fma(s, b1, c31);
      }
      out = o;
      v128.store(out, c00); v128.store(out, c01, 16); out += row;
      v128.store(out, c10); v128.store(out, c11, 16); out += row;
      v128.store(out, c20); v128.store(out, c21, 16); out += row;
      v128.store(out, c30); v128.store(out, c31, 16);
    }
  }
}

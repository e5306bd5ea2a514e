import { exp2With } from "./exp";
import { sechSquare4, tanh4 } from "./math";

/** A score that exp2 turns into exactly 0 whatever the running maximum (which starts at -1e30). */
export const MASKED: f32 = -3e38;

/**
 * Masks s[key][8 queries] where the query does not see the key. Queries are at positions t, t + step, ..., `span` =
 * high - low: the difference of positions, less `low`, is at most that as an unsigned number.
 */
export function maskOutside(s: usize, keys: i32, positions: usize, t: i32, step: i32, low: i32, span: i32): void {
  const first = i32x4.add(i32x4.splat(t + low), i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(step)));
  const second = i32x4.add(first, i32x4.splat(4 * step)), most = i32x4.splat(span), masked = f32x4.splat(MASKED);
  for (let i = 0; i < keys; i++, s += 32, positions += 4) {
    const u = v128.load32_splat(positions);
    v128.store(s, v128.bitselect(masked, v128.load(s), i32x4.gt_u(i32x4.sub(u, first), most)));
    v128.store(s, v128.bitselect(masked, v128.load(s, 16), i32x4.gt_u(i32x4.sub(u, second), most)), 16);
  }
}

/** Whether a query at position t sees a key at position u: what maskOutside asks for eight. */
// @ts-ignore: decorator
@inline
export function sees(t: i32, u: i32, low: i32, span: i32): bool {
  return <u32>(u - t - low) <= <u32>span;
}

/**
 * One step of the online softmax, base 2, for eight queries: s[key][8] becomes P = 2^(s - m); m[8] and l[8] are
 * updated, and alpha[8] is what the older sums must be multiplied by. `table`: storeExpTable.
 */
export function softmaxPanel(s: usize, keys: i32, m: usize, l: usize, alpha: usize, table: usize): void {
  const round = v128.load32_splat(table), c5 = v128.load32_splat(table, 4), c4 = v128.load32_splat(table, 8);
  const c3 = v128.load32_splat(table, 12), c2 = v128.load32_splat(table, 16), c1 = v128.load32_splat(table, 20);
  const one = v128.load32_splat(table, 24), least = v128.load32_splat(table, 28);
  const end = s + (<usize>keys << 5);
  const old0 = v128.load(m), old1 = v128.load(m, 16);
  let max0 = old0, max1 = old1, nan0 = f32x4.splat(0), nan1 = nan0;
  for (let p = s; p != end; p += 32) {
    const s0 = v128.load(p), s1 = v128.load(p, 16);
    max0 = f32x4.pmax(max0, s0);
    max1 = f32x4.pmax(max1, s1);
    nan0 = v128.or(nan0, f32x4.ne(s0, s0));
    nan1 = v128.or(nan1, f32x4.ne(s1, s1));
  }
  // pmax and exp2 pass a NaN over; all bits set is one, so that the row's sum tells of it.
  let sum0 = nan0, sum1 = nan1;
  for (let p = s; p != end; p += 32) {
    const e0 = exp2With(f32x4.sub(v128.load(p), max0), round, c5, c4, c3, c2, c1, one, least);
    const e1 = exp2With(f32x4.sub(v128.load(p, 16), max1), round, c5, c4, c3, c2, c1, one, least);
    v128.store(p, e0);
    v128.store(p, e1, 16);
    sum0 = f32x4.add(sum0, e0);
    sum1 = f32x4.add(sum1, e1);
  }
  const a0 = exp2With(f32x4.sub(old0, max0), round, c5, c4, c3, c2, c1, one, least);
  const a1 = exp2With(f32x4.sub(old1, max1), round, c5, c4, c3, c2, c1, one, least);
  // Infinity less infinity is NaN, which exp2 passes over, too.
  const infinite = f32x4.splat(Infinity);
  sum0 = v128.or(sum0, f32x4.eq(max0, infinite));
  sum1 = v128.or(sum1, f32x4.eq(max1, infinite));
  v128.store(m, max0);
  v128.store(m, max1, 16);
  v128.store(alpha, a0);
  v128.store(alpha, a1, 16);
  v128.store(l, f32x4.add(f32x4.mul(v128.load(l), a0), sum0));
  v128.store(l, f32x4.add(f32x4.mul(v128.load(l, 16), a1), sum1), 16);
}

/**
 * s[key][8] becomes cap·tanh(s / cap), both in base 2; its derivative goes to `slopes`, unless that is 0. A derivative
 * that is no number counts as 0: the row's lse is none either then, and tells of it.
 */
export function softcapPanel(s: usize, keys: i32, cap: f32, slopes: usize): void {
  const bound = f32x4.splat(cap), inverse = f32x4.splat(1 / cap);
  for (const end = s + (<usize>keys << 5); s != end; s += 16) {
    const x = f32x4.mul(v128.load(s), inverse);
    v128.store(s, f32x4.mul(bound, tanh4(x)));
    if (!slopes) continue;
    const slope = sechSquare4(x);
    v128.store(slopes, v128.and(slope, f32x4.eq(x, x)));
    slopes += 16;
  }
}

/** x[key][8] *= y[key][8]. */
export function scalePanel(x: usize, y: usize, keys: i32): void {
  for (const end = x + (<usize>keys << 5); x != end; x += 16, y += 16) v128.store(x, f32x4.mul(v128.load(x), v128.load(y)));
}

/** s[key][8] becomes P = 2^(s - lse), for a final lse[8] in base 2. */
export function weightPanel(s: usize, keys: i32, lse: usize, table: usize): void {
  const round = v128.load32_splat(table), c5 = v128.load32_splat(table, 4), c4 = v128.load32_splat(table, 8);
  const c3 = v128.load32_splat(table, 12), c2 = v128.load32_splat(table, 16), c1 = v128.load32_splat(table, 20);
  const one = v128.load32_splat(table, 24), least = v128.load32_splat(table, 28);
  const lse0 = v128.load(lse), lse1 = v128.load(lse, 16);
  for (const end = s + (<usize>keys << 5); s != end; s += 32) {
    v128.store(s, exp2With(f32x4.sub(v128.load(s), lse0), round, c5, c4, c3, c2, c1, one, least));
    v128.store(s, exp2With(f32x4.sub(v128.load(s, 16), lse1), round, c5, c4, c3, c2, c1, one, least), 16);
  }
}

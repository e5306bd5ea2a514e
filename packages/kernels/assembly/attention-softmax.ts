import { exp2With } from "./exp";

/** A score that exp2 turns into exactly 0 whatever the running maximum (which starts at -1e30). */
export const MASKED: f32 = -3e38;

/** Masks s[key][8 queries] where the key's sparse row comes after the query's: queries are rows j0, j0 + 1, ... */
export function maskFuture(s: usize, keys: i32, list: usize, j0: i32): void {
  const low = i32x4.add(i32x4.splat(j0), i32x4(0, 1, 2, 3)), high = i32x4.add(low, i32x4.splat(4));
  const masked = f32x4.splat(MASKED);
  for (let i = 0; i < keys; i++, s += 32, list += 4) {
    const j = v128.load32_splat(list);
    v128.store(s, v128.bitselect(masked, v128.load(s), i32x4.gt_s(j, low)));
    v128.store(s, v128.bitselect(masked, v128.load(s, 16), i32x4.gt_s(j, high)), 16);
  }
}

/** How many of the n listed rows (ascending) are <= j: the keys a causal query row may see. */
export function countUpTo(list: usize, n: i32, j: i32): i32 {
  while (n > 0 && load<i32>(list + (<usize>(n - 1) << 2)) > j) n--;
  return n;
}

/**
 * One step of the online softmax, base 2, for eight queries: s[key][8] becomes P = 2^(s - m); m[8] and l[8] are updated and alpha[8] is what the older sums must be multiplied by. `table`: storeExpTable.
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

import { storeTransposed } from "./simd";

/** Lists the places of n rows, `pitch` apart. */
export function listRows(list: usize, place: i32, pitch: i32, n: i32): void {
  for (const end = list + (<usize>n << 2); list != end; list += 4, place += pitch) store<i32>(list, place);
}

/**
 * Packs listed rows for the *splat* side of scorePanel: dst [groups][D][4 rows]. The last group repeats the last row,
 * so that its unused lanes hold finite numbers that never win a maximum.
 */
export function packSplat(base: usize, rowBytes: usize, list: usize, n: i32, D: i32, dst: usize): void {
  for (let i = 0; i < n; i += 4) {
    let r0 = rowAt(base, rowBytes, list, i), r1 = rowAt(base, rowBytes, list, min(i + 1, n - 1));
    let r2 = rowAt(base, rowBytes, list, min(i + 2, n - 1)), r3 = rowAt(base, rowBytes, list, min(i + 3, n - 1));
    for (const last = r0 + (<usize>D << 2); r0 != last; r0 += 16, r1 += 16, r2 += 16, r3 += 16, dst += 64) {
      storeTransposed(v128.load(r0), v128.load(r1), v128.load(r2), v128.load(r3), dst, 16);
    }
  }
}

// @ts-ignore: decorator
@inline
function rowAt(base: usize, rowBytes: usize, list: usize, i: i32): usize {
  return base + rowBytes * <usize>load<i32>(list + (<usize>i << 2));
}

/**
 * Packs listed rows for the vector side of valuePanel and keyPanel: dst [Dp/8][capacity][8]. Rows n .. roundUp(n, 8)
 * and, when D is not a multiple of 8, the last four columns are zero.
 */
export function packVector(base: usize, rowBytes: usize, list: usize, n: i32, D: i32, capacity: i32, dst: usize): void {
  const zero = f32x4.splat(0), step = <usize>capacity << 5;
  for (let i = 0; i < n; i++, dst += 32) {
    let row = rowAt(base, rowBytes, list, i), to = dst;
    let d = 0;
    for (; d + 8 <= D; d += 8, row += 32, to += step) {
      v128.store(to, v128.load(row));
      v128.store(to, v128.load(row, 16), 16);
    }
    if (d < D) {
      v128.store(to, v128.load(row));
      v128.store(to, zero, 16);
    }
  }
  for (; n & 7; n++, dst += 32) {
    for (let d = 0, to = dst; d < D; d += 8, to += step) {
      v128.store(to, zero);
      v128.store(to, zero, 16);
    }
  }
}

/**
 * Packs n <= 8 query rows, `rowBytes` apart and multiplied by `scale`, as the vector side of scorePanel: dst [D][8].
 * Missing rows repeat the last one, so that they never cause an overflow; nobody reads their results.
 */
export function packQueries(row: usize, rowBytes: usize, n: i32, D: i32, scale: f32, dst: usize): void {
  const t = f32x4.splat(scale);
  for (let half = 0; half < 8; half += 4, dst += 16) {
    let r0 = row + rowBytes * <usize>min(half, n - 1), r1 = row + rowBytes * <usize>min(half + 1, n - 1);
    let r2 = row + rowBytes * <usize>min(half + 2, n - 1), r3 = row + rowBytes * <usize>min(half + 3, n - 1);
    let to = dst;
    for (const last = r0 + (<usize>D << 2); r0 != last; r0 += 16, r1 += 16, r2 += 16, r3 += 16, to += 128) {
      storeTransposed(
        f32x4.mul(t, v128.load(r0)), f32x4.mul(t, v128.load(r1)), f32x4.mul(t, v128.load(r2)), f32x4.mul(t, v128.load(r3)),
        to, 32,
      );
    }
  }
}

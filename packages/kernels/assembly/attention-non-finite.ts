import { fma, roundUp } from "./simd";
import { POSITIONS } from "./attention-keys";
import { PANEL } from "./attention-micro";
import { sees } from "./attention-softmax";

// What is not finite may reach only those that see it, but products of panels give 0 times NaN to all the
// rest. Tiles that hold such numbers are done pair by pair.

/** Whether row `i`, begin <= i < end, of those listed holds an infinity or a NaN. */
export function anyNonFinite(base: usize, rowBytes: usize, list: usize, begin: i32, end: i32, D: i32): bool {
  const zero = f32x4.splat(0);
  let nonFinite = zero;
  for (let i = begin; i < end; i++) {
    let row = base + rowBytes * <usize>load<i32>(list + (<usize>i << 2));
    for (const last = row + (<usize>D << 2); row != last; row += 16) {
      const x = v128.load(row);
      nonFinite = v128.or(nonFinite, f32x4.ne(f32x4.sub(x, x), zero));
    }
  }
  return v128.any_true(nonFinite);
}

/** Whether one of n numbers is an infinity or a NaN. */
export function anyNonFiniteOf(at: usize, n: i32): bool {
  for (const end = at + (<usize>n << 2); at != end; at += 4) if (isNonFinite(load<f32>(at))) return true;
  return false;
}

function isNonFinite(x: f32): bool {
  return x - x != 0;
}

/** o[8][Vp] += P·V of the listed keys begin <= i < end, for the queries at positions t, t + step, ... that see them. */
export function valuesSeen(
  p: usize, v: usize, rowBytes: usize, list: usize, begin: i32, end: i32, t: i32, step: i32, low: i32, span: i32,
  o: usize, Dv: i32, Vp: i32,
): void {
  for (let i = begin; i < end; i++) {
    const at = list + (<usize>i << 2), row = v + rowBytes * <usize>load<i32>(at), u = load<i32>(at, POSITIONS);
    for (let lane = 0; lane < PANEL; lane++) {
      if (!sees(t + step * lane, u, low, span)) continue;
      addTimes(o + (<usize>(lane * Vp) << 2), load<f32>(p + (<usize>(i * PANEL + lane) << 2)), row, Dv);
    }
  }
}

/**
 * P and dS of a panel, [key][8], of rows whose lse or delta is not finite: NaN for the keys that they see; 0 for what
 * no pair is.
 */
export function nonFiniteWeights(
  p: usize, ds: usize, keys: i32, list: usize, t: i32, step: i32, rows: i32, low: i32, span: i32, lse: usize, delta: usize,
): void {
  for (let i = 0; i < keys; i++) {
    const u = load<i32>(list + (<usize>i << 2), POSITIONS);
    for (let lane = 0; lane < PANEL; lane++) {
      const at = <usize>(i * PANEL + lane) << 2, row = <usize>lane << 2;
      if (lane >= rows || !sees(t + step * lane, u, low, span)) {
        store<f32>(p + at, 0);
        store<f32>(ds + at, 0);
        continue;
      }
      if (isNonFinite(load<f32>(lse + row))) store<f32>(p + at, NaN);
      if (isNonFinite(load<f32>(lse + row)) || isNonFinite(load<f32>(delta + row))) store<f32>(ds + at, NaN);
    }
  }
}

/** The products of one panel with the rows that take part in them: dq[8][Dp] += dS·K, dK += dSᵀ·Q, dV += Pᵀ·dO. */
export function nonFiniteProducts(
  p: usize, ds: usize, keys: i32, list: usize, t: i32, step: i32, rows: i32, low: i32, span: i32, q: usize,
  qStep: usize, dout: usize,
  oStep: usize, k: usize, kStep: usize, dq: usize, dk: usize, dv: usize, D: i32, Dv: i32,
): void {
  // Sums are padded to eights.
  const rowBytes = <usize>roundUp(D, 8) << 2, valueBytes = <usize>roundUp(Dv, 8) << 2;
  for (let i = 0; i < keys; i++) {
    const item = list + (<usize>i << 2), key = k + kStep * <usize>load<i32>(item), u = load<i32>(item, POSITIONS);
    for (let lane = 0; lane < rows; lane++) {
      if (!sees(t + step * lane, u, low, span)) continue;
      const at = <usize>(i * PANEL + lane) << 2;
      addTimes(dq + rowBytes * <usize>lane, load<f32>(ds + at), key, D);
      addTimes(dk + rowBytes * <usize>i, load<f32>(ds + at), q + qStep * <usize>lane, D);
      addTimes(dv + valueBytes * <usize>i, load<f32>(p + at), dout + oStep * <usize>lane, Dv);
    }
  }
}

/** to[D] += t·from[D]. */
function addTimes(to: usize, t: f32, from: usize, D: i32): void {
  const x = f32x4.splat(t);
  for (const end = to + (<usize>D << 2); to != end; to += 16, from += 16) v128.store(to, fma(x, v128.load(from), v128.load(to)));
}

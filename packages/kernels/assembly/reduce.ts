import { ITEM_QUADS } from "./activation";
import { fma } from "./simd";

// A reduction is a fold: x [outer, length] is laid in layers of `span` elements, and the layers are added up: y[o, m] = Σ_k x[o, k·span + m].
// The same numbers are added in the same order whatever the threads, and neighbouring outputs are neighbours in memory.

/** Outputs of one work item; FOLD_ITEM of src/reduce/fold.ts. */
const FOLD_ITEM: i32 = 256;

/**
 * Sums with an optional factor: x·(factor - mean[row])·rstd[row], row = element / inner. Words: x, factor, mean, rstd, y, length, span, count, inner,
 * into, scale. `count` = outer·span outputs, written from element `into` of y on.
 */
export function foldSumF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x0 = load<usize>(params, 0), factors = load<usize>(params, 4), means = load<usize>(params, 8), rstds = load<usize>(params, 12);
  const length = <usize>load<u32>(params, 20), span = <usize>load<u32>(params, 24), inner = <usize>load<u32>(params, 32);
  const y0 = load<usize>(params, 16) + (<usize>load<u32>(params, 36) << 2), scale = load<f32>(params, 40);
  const last = <usize>min(load<i32>(params, 28), end * FOLD_ITEM);
  let t = <usize>(begin * FOLD_ITEM);
  while (t < last) {
    const m = t % span, base = (t / span) * length, y = y0 + (t << 2);
    let run = min(last - t, span - m);
    if (rstds) run = min(run, inner - (m % inner)); // one row of statistics at a time
    memory.fill(y, 0, run << 2);
    for (let at = m; at < length; at += span) {
      const here = min(run, length - at), element = base + at;
      const x = x0 + (element << 2);
      if (factors) {
        const row = (element / inner) << 2;
        const mean: f32 = means ? load<f32>(means + row) : 0, rstd: f32 = rstds ? load<f32>(rstds + row) : 1;
        addProducts(y, x, factors + (element << 2), here, mean, rstd);
      } else addLayer(y, x, here);
    }
    if (scale != 1) {
      for (let i = y; i < y + (run << 2); i += 4) store<f32>(i, load<f32>(i) * scale);
    }
    t += run;
  }
}

/** y += x. */
function addLayer(y: usize, x: usize, count: usize): void {
  const bytes = count << 2, whole = bytes & ~15;
  for (let i: usize = 0; i < whole; i += 16) v128.store(y + i, f32x4.add(v128.load(y + i), v128.load(x + i)));
  for (let i = whole; i < bytes; i += 4) store<f32>(y + i, load<f32>(y + i) + load<f32>(x + i));
}

/** y += x·(factor - mean)·rstd. */
function addProducts(y: usize, x: usize, factor: usize, count: usize, mean: f32, rstd: f32): void {
  const bytes = count << 2, whole = bytes & ~15, means = f32x4.splat(mean), rstds = f32x4.splat(rstd);
  for (let i: usize = 0; i < whole; i += 16) {
    const f = f32x4.mul(f32x4.sub(v128.load(factor + i), means), rstds);
    v128.store(y + i, fma(v128.load(x + i), f, v128.load(y + i)));
  }
  for (let i = whole; i < bytes; i += 4) store<f32>(y + i, load<f32>(y + i) + load<f32>(x + i) * ((load<f32>(factor + i) - mean) * rstd));
}

/**
 * Largest of the layers, a NaN before all, and where it was: position from[element], or first + element / inner without `from`; ties go to the lower position.
 * Words: x, from, y, at, length, span, count, inner, into, first.
 */
export function foldMaxF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params, 0), from = load<usize>(params, 4), into = <usize>load<u32>(params, 32) << 2;
  const y = load<usize>(params, 8) + into, at = load<usize>(params, 12) + into;
  const length = <usize>load<u32>(params, 16), span = <usize>load<u32>(params, 20), inner = <usize>load<u32>(params, 28), first = load<u32>(params, 36);
  const last = <usize>min(load<i32>(params, 24), end * FOLD_ITEM);
  for (let t = <usize>(begin * FOLD_ITEM); t < last; t++) {
    const base = (t / span) * length;
    let best: f32 = 0, where: u32 = 0;
    const start = t % span;
    for (let m = start; m < length; m += span) {
      const value = load<f32>(x + ((base + m) << 2));
      const position = from ? load<u32>(from + ((base + m) << 2)) : first + <u32>(m / inner);
      const same = value == best || (value != value && best != best);
      if (m == start || value > best || (value != value && best == best) || (same && position < where)) {
        best = value;
        where = position;
      }
    }
    store<f32>(y + (t << 2), best);
    store<u32>(at + (t << 2), where);
  }
}

/**
 * The other way: dx[o, j, i] = dy[o, i]·scale, or only where j == at[o, i] if `at` is given. Words: dy, at, dx, total, n, inner, first, scale.
 * An item is ITEM_QUADS groups of four.
 */
export function spreadF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const dy = load<usize>(params, 0), at = load<usize>(params, 4), dx = load<usize>(params, 8);
  const total = load<u32>(params, 12), n = load<u32>(params, 16), inner = load<u32>(params, 20), first = load<u32>(params, 24), scale = load<f32>(params, 28);
  const last = min(total, <u32>(end * ITEM_QUADS) << 2);
  let e = <u32>(begin * ITEM_QUADS) << 2;
  while (e < last) {
    // One run shares (o, j) when inner > 1, and o when inner == 1.
    const element = e + first, line = element / inner, j = line % n, o = line / n, i = element % inner;
    const run = min(last - e, inner == 1 && !at ? n - j : inner - i);
    const source = (o * inner + i) << 2, target = dx + (e << 2);
    const step: usize = inner == 1 && !at ? 0 : 4;
    for (let k: usize = 0; k < <usize>run; k++) {
      const value = load<f32>(dy + source + k * step) * scale;
      const taken = !at || load<u32>(at + source + k * step) == j;
      store<f32>(target + (k << 2), taken ? value : 0);
    }
    e += run;
  }
}

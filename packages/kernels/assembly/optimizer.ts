import { fma } from "./simd";

/** Groups of four elements in one work item; ITEM_QUADS of src/shared/launch.ts. */
const ITEM_QUADS: i32 = 1024;

/**
 * One AdamW step in place. Words: param, grad, m, v, scale (0: 1), copy (unused) | quads | beta1, fresh1, beta2, fresh2, keep, rate, root, eps.
 * A scale of 0 skips the step. An item is 1024 groups of four elements.
 */
export function adamWStep(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const param = load<usize>(params), grad = load<usize>(params, 4), m0 = load<usize>(params, 8), v0 = load<usize>(params, 12);
  const scaleAt = load<usize>(params, 16), quads = load<i32>(params, 24);
  const scale: f32 = scaleAt ? load<f32>(scaleAt) : 1;
  if (scale == 0) return;
  const beta1 = f32x4.splat(load<f32>(params, 28)), fresh1 = f32x4.splat(load<f32>(params, 32));
  const beta2 = f32x4.splat(load<f32>(params, 36)), fresh2 = f32x4.splat(load<f32>(params, 40));
  const keep = f32x4.splat(load<f32>(params, 44)), rate = f32x4.splat(-load<f32>(params, 48));
  const root = f32x4.splat(load<f32>(params, 52)), eps = f32x4.splat(load<f32>(params, 56)), scales = f32x4.splat(scale);
  const last = (<usize>min(quads, end * ITEM_QUADS)) << 4;
  for (let i = (<usize>(begin * ITEM_QUADS)) << 4; i < last; i += 16) {
    const g = f32x4.mul(v128.load(grad + i), scales);
    const m = fma(v128.load(m0 + i), beta1, f32x4.mul(g, fresh1));
    const v = fma(v128.load(v0 + i), beta2, f32x4.mul(f32x4.mul(g, g), fresh2));
    v128.store(m0 + i, m);
    v128.store(v0 + i, v);
    const step = f32x4.div(f32x4.mul(rate, m), fma(f32x4.sqrt(v), root, eps));
    v128.store(param + i, fma(v128.load(param + i), keep, step));
  }
}

/**
 * One SGD step in place. Words: param, grad, velocity (0: none), scale (0: 1), copy (unused) | quads, nesterov | rate, momentum, decay.
 * A scale of 0 skips the step. An item is 1024 groups of four elements.
 */
export function sgdStep(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const param = load<usize>(params), grad = load<usize>(params, 4), velocity = load<usize>(params, 8), scaleAt = load<usize>(params, 12);
  const quads = load<i32>(params, 20), nesterov = load<i32>(params, 24);
  const scale: f32 = scaleAt ? load<f32>(scaleAt) : 1;
  if (scale == 0) return;
  const rate = f32x4.splat(-load<f32>(params, 28)), momentum = f32x4.splat(load<f32>(params, 32)), decay = f32x4.splat(load<f32>(params, 36));
  const scales = f32x4.splat(scale), last = (<usize>min(quads, end * ITEM_QUADS)) << 4;
  for (let i = (<usize>(begin * ITEM_QUADS)) << 4; i < last; i += 16) {
    const p = v128.load(param + i);
    let g = fma(p, decay, f32x4.mul(v128.load(grad + i), scales));
    if (velocity) {
      const v = fma(v128.load(velocity + i), momentum, g);
      v128.store(velocity + i, v);
      g = nesterov ? fma(v, momentum, g) : v;
    }
    v128.store(param + i, fma(g, rate, p));
  }
}

/**
 * partial[first + item] = sum of squares of 1024 groups of four elements. With a table, its row entry + item says in
 * which group the item starts, how many elements it has, and where its sum goes. Words: x, partial, table (0: none) |
 * elements, first, entry.
 */
export function squareSum(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const x = load<usize>(params), partial = load<usize>(params, 4), table = load<usize>(params, 8);
  const elements = load<i32>(params, 12), first = load<i32>(params, 16), entry = load<i32>(params, 20);
  for (let item = begin; item < end; item++) {
    let from = item * ITEM_QUADS * 4, last = min(elements, from + ITEM_QUADS * 4), into = first + item;
    if (table) {
      const row = table + (<usize>(entry + item)) * 12;
      from = load<i32>(row) << 2;
      last = from + load<i32>(row, 4);
      into = load<i32>(row, 8);
    }
    const whole = last & ~3;
    let even = f64x2.splat(0), odd = f64x2.splat(0);
    for (let i = from; i < whole; i += 4) {
      const v = v128.load(x + ((<usize>i) << 2));
      const low = f64x2.promote_low_f32x4(v), high = f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 0, 1));
      even = f64x2.add(even, f64x2.mul(low, low));
      odd = f64x2.add(odd, f64x2.mul(high, high));
    }
    const both = f64x2.add(even, odd);
    let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
    for (let i = max(from, whole); i < last; i++) {
      const v = <f64>load<f32>(x + ((<usize>i) << 2));
      sum += v * v;
    }
    store<f32>(partial + ((<usize>into) << 2), <f32>sum);
  }
}

/** norm = sqrt(sum of the partial sums). Words: partial, norm | count. One item. */
export function normOfPartials(params: usize, _begin: i32, _end: i32, _scratch: usize): void {
  const partial = load<usize>(params), norm = load<usize>(params, 4), count = load<i32>(params, 8);
  let sum: f64 = 0;
  for (let i = 0; i < count; i++) sum += <f64>load<f32>(partial + ((<usize>i) << 2));
  store<f32>(norm, <f32>sqrt<f64>(sum));
}

/** scale = min(1, most / norm); 0 for a norm that is not finite. Words: norm, scale | most. One item. */
export function clipScale(params: usize, _begin: i32, _end: i32, _scratch: usize): void {
  const norm = load<f32>(load<usize>(params)), most = load<f32>(params, 8);
  store<f32>(load<usize>(params, 4), isFinite(norm) ? min(<f32>1, most / max(norm, <f32>1e-37)) : 0);
}

/** y = x · scale[0]; a scale of 0 gives 0 whatever x is. Words: x, scale, y | quads. An item is 1024 groups of four elements. */
export function scaleByTensor(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const x = load<usize>(params), scale = load<f32>(load<usize>(params, 4)), y = load<usize>(params, 8), quads = load<i32>(params, 12);
  const scales = f32x4.splat(scale), last = (<usize>min(quads, end * ITEM_QUADS)) << 4;
  for (let i = (<usize>(begin * ITEM_QUADS)) << 4; i < last; i += 16) {
    v128.store(y + i, scale == 0 ? f32x4.splat(0) : f32x4.mul(v128.load(x + i), scales));
  }
}

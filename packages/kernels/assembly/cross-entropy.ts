import { exp2x4, exp2, ln, LOG2E } from "./exp";
import { sum4 } from "./simd";

const NAN: f32 = reinterpret<f32>(0x7fc00000);

/**
 * Loss and log-sum-exp of rows of V logits. Words: logits, targets, loss, lse | vocab, ignored | smoothing, missing. An item is a row.
 * A target that is neither a token nor the ignored one poisons its row with NaN.
 */
export function crossEntropyForward(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const logits = load<usize>(params), targets = load<usize>(params, 4), loss = load<usize>(params, 8), lse = load<usize>(params, 12);
  const V = load<i32>(params, 16), ignored = load<i32>(params, 20), smoothing = load<f32>(params, 24);
  const whole = V & ~3;
  for (let row = begin; row < end; row++) {
    const x = logits + <usize>row * ((<usize>V) << 2);
    let tops = f32x4.splat(-3.4e38);
    for (let c = 0; c < whole; c += 4) tops = f32x4.max(tops, v128.load(x + ((<usize>c) << 2)));
    let top = max(max(f32x4.extract_lane(tops, 0), f32x4.extract_lane(tops, 1)), max(f32x4.extract_lane(tops, 2), f32x4.extract_lane(tops, 3)));
    for (let c = whole; c < V; c++) top = max(top, load<f32>(x + ((<usize>c) << 2)));

    const shift = f32x4.splat(top), log2e = f32x4.splat(LOG2E);
    let weights = f32x4.splat(0), totals = f32x4.splat(0);
    for (let c = 0; c < whole; c += 4) {
      const v = v128.load(x + ((<usize>c) << 2));
      weights = f32x4.add(weights, exp2x4(f32x4.mul(f32x4.sub(v, shift), log2e)));
      totals = f32x4.add(totals, f32x4.sub(shift, v));
    }
    let weight = sum4(weights), total = sum4(totals);
    for (let c = whole; c < V; c++) {
      const v = load<f32>(x + ((<usize>c) << 2));
      weight += exp2((v - top) * LOG2E);
      total += top - v;
    }

    const target = load<i32>(targets + ((<usize>row) << 2));
    // A NaN or infinity is NaN here; exp2 passes it over. Never one number with `top`: beside 1e5, f32 rounds it to hundredths.
    let over = top - top != 0 || weight == 0 ? NAN : ln(weight), rowLoss: f32 = 0;
    if (target != ignored) {
      if (<u32>target < <u32>V) {
        rowLoss = (<f32>1 - smoothing) * (top - load<f32>(x + ((<usize>target) << 2)) + over);
        if (smoothing != 0) rowLoss += smoothing * (over + total / <f32>V);
      } else {
        over = NAN;
        rowLoss = NAN;
      }
    }
    store<f32>(lse + ((<usize>row) << 3), top);
    store<f32>(lse + ((<usize>row) << 3), over, 4);
    store<f32>(loss + ((<usize>row) << 2), rowLoss);
  }
}

/**
 * (softmax - (1 - smoothing) onehot - smoothing / V) · scale · grad; rows of ignored targets give 0.
 * Words: logits, targets, lse, scale, grad (0: 1), out (0: in place) | quads, vocab, ignored, grad_stride | smoothing. An item is a row.
 */
export function crossEntropyBackward(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const logits = load<usize>(params), targets = load<usize>(params, 4), lse = load<usize>(params, 8), scale = load<usize>(params, 12);
  const grad = load<usize>(params, 16), to = load<usize>(params, 20), out = to ? to : logits;
  const V = load<i32>(params, 28), ignored = load<i32>(params, 32), stride = load<usize>(params, 36), smoothing = load<f32>(params, 40);
  const rowBytes = (<usize>V) << 2, whole = V & ~3, share = smoothing / <f32>V;
  for (let row = begin; row < end; row++) {
    const x = logits + <usize>row * rowBytes, y = out + <usize>row * rowBytes;
    const target = load<i32>(targets + ((<usize>row) << 2));
    if (target == ignored) {
      memory.fill(y, 0, rowBytes);
      continue;
    }
    const top = load<f32>(lse + ((<usize>row) << 3)), over = load<f32>(lse + ((<usize>row) << 3), 4);
    const up = load<f32>(scale) * (grad ? load<f32>(grad + ((<usize>row * stride) << 2)) : 1);
    if (<u32>target >= <u32>V || over != over) {
      memory.fill(y, 0xff, rowBytes);
      continue;
    }
    const shift = f32x4.splat(top), overs = f32x4.splat(over), log2e = f32x4.splat(LOG2E), ups = f32x4.splat(up), shares = f32x4.splat(share);
    for (let c = 0; c < whole; c += 4) {
      const at = (<usize>c) << 2;
      const p = exp2x4(f32x4.mul(f32x4.sub(f32x4.sub(v128.load(x + at), shift), overs), log2e));
      v128.store(y + at, f32x4.mul(f32x4.sub(p, shares), ups));
    }
    for (let c = whole; c < V; c++) {
      const at = (<usize>c) << 2;
      store<f32>(y + at, (exp2((load<f32>(x + at) - top - over) * LOG2E) - share) * up);
    }
    const hot = y + ((<usize>target) << 2);
    store<f32>(hot, load<f32>(hot) - (<f32>1 - smoothing) * up);
  }
}

/**
 * With targets: result = 1 / (targets that are not ignored) for a mean (1), 1 for a sum (0), that number for a count
 * (2). With losses: result = scale · sum of the losses.
 * Words: loss, targets, scale, result | rows, ignored, mean. One item.
 */
export function crossEntropyReduce(params: usize, _begin: i32, _end: i32, _scratch: usize): void {
  const loss = load<usize>(params), targets = load<usize>(params, 4), scale = load<usize>(params, 8), result = load<usize>(params, 12);
  const rows = load<i32>(params, 16), ignored = load<i32>(params, 20), mean = load<i32>(params, 24);
  let sum: f64 = 0;
  if (targets) {
    for (let row = 0; row < rows; row++) sum += load<i32>(targets + ((<usize>row) << 2)) == ignored ? 0 : 1;
    store<f32>(result, mean == 2 ? <f32>sum : mean ? <f32>(1.0 / max(sum, 1.0)) : 1);
    return;
  }
  for (let row = 0; row < rows; row++) sum += <f64>load<f32>(loss + ((<usize>row) << 2));
  store<f32>(result, <f32>(sum * <f64>load<f32>(scale)));
}

import { exp2, exp2x4 } from "./exp";
import { fma, sum4 } from "./simd";
import { toHalf, widenHalves } from "./half";

/** Rows whose scores are computed before their values are added. */
const CHUNK: i32 = 64;
/** Words of one stream in the plan. */
const STREAM: i32 = 6;
const LOWEST: f32 = -1e30;

/**
 * Copies new rows of k and v [B, N, G, D] to the cache. Words: k, v, positions, plan, decay (or 0), keys, values | quads, columns, new_rows,
 * streams, rows, tokens, kv_heads, first_row, block, half_floats. An item is one stream of one sequence.
 */
export function decodeAppend(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const k = load<usize>(params), v = load<usize>(params, 4), positions = load<usize>(params, 8), plan = load<usize>(params, 12), decay = load<usize>(params, 16);
  const keys = load<usize>(params, 20), values = load<usize>(params, 24);
  const columns = load<i32>(params, 32), streams = load<i32>(params, 40), rows = load<i32>(params, 44), N = load<i32>(params, 48);
  const G = load<i32>(params, 52), firstRow = load<i32>(params, 56), block = load<i32>(params, 60), half = load<i32>(params, 64);
  const D = columns << 2, bytes = <usize>D << 2, stored = half ? bytes >> 1 : bytes;
  for (let item = begin; item < end; item++) {
    const b = item / streams, at = plan + <usize>(item % streams * STREAM << 2);
    const w = load<i32>(at), r = load<i32>(at, 4), s = load<i32>(at, 8), g = load<i32>(at, 12), base = load<i32>(at, 16), capacity = load<i32>(at, 20);
    const first = load<i32>(positions + (<usize>(firstRow + b) << 2)), last = first + N - 1;
    if (first < 0 || last < first) continue; // positions come from the device: nobody could check them before
    const start = last - last % w, from = max(first, start) - start;
    let row = from > s ? (from - s + r - 1) / r : 0;
    for (let token = start + s + row * r; token <= last && row < capacity; token += r, row++) {
      const source = <usize>((b * N + token - first) * G + g) * bytes;
      const target = (<usize>(firstRow + b) * rows + base + row) * stored;
      const distance = <f32>(token % block - (block >> 1));
      copyRow(k + source, keys + target, D, decay, distance, half);
      copyRow(v + source, values + target, D, 0, 0, half);
    }
  }
}

/** One row, pairs of channels scaled by 2^(-distance·decay), stored as f32 or f16. */
function copyRow(from: usize, to: usize, D: i32, decay: usize, distance: f32, half: i32): void {
  if (!decay && !half) {
    memory.copy(to, from, <usize>D << 2);
    return;
  }
  for (let d = 0; d < D; d++) {
    const factor: f32 = decay ? exp2(-distance * load<f32>(decay + (<usize>(d >> 1) << 2))) : 1;
    const x = load<f32>(from + (<usize>d << 2)) * factor;
    if (half) store<u16>(to + (<usize>d << 1), <u16>toHalf(x));
    else store<f32>(to + (<usize>d << 2), x);
  }
}

/**
 * One query a head over its streams. Words: q, keys, values, positions, plan, decay (or 0), out, stats (unused) | heads, branches, streams, rows,
 * splits, columns, block | scale, out_scale | half_floats. An item is one head of one sequence. Scratch: query [D] | sum [D] | scores [CHUNK] | rows [CHUNK][D].
 */
export function decodeAttend(params: usize, begin: i32, end: i32, scratch: usize): void {
  const q0 = load<usize>(params), keys = load<usize>(params, 4), values = load<usize>(params, 8), positions = load<usize>(params, 12);
  const plan = load<usize>(params, 16), decay = load<usize>(params, 20), out = load<usize>(params, 24);
  const H = load<i32>(params, 32), branches = load<i32>(params, 36), streams = load<i32>(params, 40), rows = load<i32>(params, 44);
  const D = load<i32>(params, 52) << 2, block = load<i32>(params, 56), half = load<i32>(params, 68);
  const scale = load<f32>(params, 60), outScale = load<f32>(params, 64);
  const bytes = <usize>D << 2, stored = half ? bytes >> 1 : bytes;
  const query = scratch, sum = query + bytes, scores = sum + bytes, wide = scores + (CHUNK << 2);
  for (let item = begin; item < end; item++) {
    const b = item / H, t = load<i32>(positions + (<usize>b << 2));
    const list = plan + (<usize>(streams * STREAM + item % H * branches) << 2), q = q0 + <usize>item * bytes;
    let most = LOWEST, total: f32 = 0, seen = false;
    memory.fill(sum, 0, bytes);
    for (let i = 0; i < branches; i++) {
      const stream = load<i32>(list + (<usize>i << 2));
      if (stream < 0) continue;
      const at = plan + <usize>(stream * STREAM << 2);
      const w = load<i32>(at), r = load<i32>(at, 4), s = load<i32>(at, 8), base = load<i32>(at, 16), within = t % w;
      if (within % r != s) continue;
      const count = min((within - s) / r + 1, load<i32>(at, 20)), start = t - within + s;
      const place = (<usize>b * rows + base) * stored;
      seen = seen || count > 0;
      let middle = -1;
      for (let row = 0; row < count; ) {
        // Rows of one block of tokens share the query's factors.
        const token = start + row * r, mid = decay ? token - token % block + (block >> 1) : 0;
        let n = min(CHUNK, count - row);
        if (decay) n = min(n, (token - token % block + block - 1 - token) / r + 1);
        if (mid != middle) scaleQuery(q, query, D, decay, <f32>(t - mid), scale);
        middle = mid;
        const offset = place + <usize>row * stored;
        const highest = max(most, scoreRows(rowsAt(keys + offset, wide, n * D, half), query, scores, n, bytes));
        const older = exp2(most - highest);
        most = highest;
        total = total * older + weigh(scores, n, highest);
        addRows(rowsAt(values + offset, wide, n * D, half), scores, sum, n, bytes, older);
        row += n;
      }
    }
    // Keys without any weight have scores that are not finite: 0 / 0 tells.
    const factor = f32x4.splat(seen ? (total == 0 ? NaN : outScale / total) : 0), to = out + <usize>item * bytes;
    for (let d: usize = 0; d < bytes; d += 16) v128.store(to + d, f32x4.mul(v128.load(sum + d), factor));
  }
}

/** Rows as f32: in place, or widened into `wide`. */
function rowsAt(rows: usize, wide: usize, size: i32, half: i32): usize {
  if (!half) return rows;
  widenHalves(rows, wide, size);
  return wide;
}

function scaleQuery(q: usize, to: usize, D: i32, decay: usize, distance: f32, scale: f32): void {
  for (let d = 0; d < D; d += 2) {
    const factor = decay ? scale * exp2(distance * load<f32>(decay + (<usize>(d >> 1) << 2))) : scale;
    const at = <usize>d << 2;
    store<f32>(to + at, load<f32>(q + at) * factor);
    store<f32>(to + at, load<f32>(q + at, 4) * factor, 4);
  }
}

/** scores[i] = query·rows[i]; gives the largest. */
function scoreRows(rows: usize, query: usize, scores: usize, n: i32, bytes: usize): f32 {
  let most = LOWEST, i = 0;
  for (; i + 4 <= n; i += 4, rows += bytes << 2) {
    let a = f32x4.splat(0), b = a, c = a, e = a;
    for (let d: usize = 0; d < bytes; d += 16) {
      const x = v128.load(query + d);
      a = fma(x, v128.load(rows + d), a);
      b = fma(x, v128.load(rows + bytes + d), b);
      c = fma(x, v128.load(rows + (bytes << 1) + d), c);
      e = fma(x, v128.load(rows + bytes * 3 + d), e);
    }
    const to = scores + (<usize>i << 2);
    const sa = sum4(a), sb = sum4(b), sc = sum4(c), se = sum4(e);
    store<f32>(to, sa);
    store<f32>(to, sb, 4);
    store<f32>(to, sc, 8);
    store<f32>(to, se, 12);
    most = max(most, max(max(sa, sb), max(sc, se)));
  }
  for (; i < n; i++, rows += bytes) {
    let a = f32x4.splat(0);
    for (let d: usize = 0; d < bytes; d += 16) a = fma(v128.load(query + d), v128.load(rows + d), a);
    const sa = sum4(a);
    store<f32>(scores + (<usize>i << 2), sa);
    most = max(most, sa);
  }
  return most;
}

/** scores[i] = 2^(scores[i] - most), and their sum. What lies behind the n-th is overwritten up to a multiple of four. */
function weigh(scores: usize, n: i32, most: f32): f32 {
  for (let i = n; i & 3; i++) store<f32>(scores + (<usize>i << 2), LOWEST);
  const m = f32x4.splat(most);
  let sum = f32x4.splat(0);
  for (let i = 0; i < n; i += 4) {
    const e = exp2x4(f32x4.sub(v128.load(scores + (<usize>i << 2)), m));
    v128.store(scores + (<usize>i << 2), e);
    sum = f32x4.add(sum, e);
  }
  return sum4(sum);
}

/** sum = older·sum + Σ weights[i]·rows[i]; sixteen channels at a time, then four. */
function addRows(rows: usize, weights: usize, sum: usize, n: i32, bytes: usize, older: f32): void {
  const scale = f32x4.splat(older), wide = bytes & ~(<usize>63), last = weights + (<usize>n << 2);
  let d: usize = 0;
  for (; d < wide; d += 64) {
    const to = sum + d;
    let a = f32x4.mul(scale, v128.load(to)), b = f32x4.mul(scale, v128.load(to, 16));
    let c = f32x4.mul(scale, v128.load(to, 32)), e = f32x4.mul(scale, v128.load(to, 48));
    let row = rows + d;
    for (let p = weights; p < last; p += 4, row += bytes) {
      const x = v128.load32_splat(p);
      a = fma(x, v128.load(row), a);
      b = fma(x, v128.load(row, 16), b);
      c = fma(x, v128.load(row, 32), c);
      e = fma(x, v128.load(row, 48), e);
    }
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, e, 48);
  }
  for (; d < bytes; d += 16) {
    let a = f32x4.mul(scale, v128.load(sum + d)), row = rows + d;
    for (let p = weights; p < last; p += 4, row += bytes) a = fma(v128.load32_splat(p), v128.load(row), a);
    v128.store(sum + d, a);
  }
}

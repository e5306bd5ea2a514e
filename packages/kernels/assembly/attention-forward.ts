import { roundUp } from "./simd";
import { LN2, LOG2E, UNSCORED, holds, ln, storeExpTable } from "./exp";
import { KEYS, PANEL, scorePanel, valuePanel } from "./attention-micro";
import { headOffset, rowsOfHead } from "./attention-params";
import { listKeys, packQueries, packSplat, packVector } from "./attention-pack";
import { countUpTo, maskFuture, softmaxPanel } from "./attention-softmax";
import { dropPanel } from "./attention-dropout";
import { mergeRow } from "./attention-merge";
import { anyOdd, valuesSeen } from "./attention-odd";

/** Query rows that share one packed key tile: packing costs about 40 cycles a key, against 16·QUERIES cycles of products. */
const QUERIES: i32 = 128;

/** Byte offsets of the parts of the scratch area; Dp is D rounded up to 8. */
const ALPHA: usize = 0; // [8]
const TABLE: usize = 32; // constants of exp2
const WORK: usize = 64; // dropout words, 128 bytes
const LIST: usize = 256; // [KEYS]
const MAX: usize = LIST + KEYS * 4; // [QUERIES]
const SUM: usize = MAX + QUERIES * 4; // [QUERIES]
const SCORES: usize = SUM + QUERIES * 4; // [KEYS][8]
const DATA: usize = SCORES + KEYS * 32; // K | V | Q | O

/**
 * One branch of dilated attention, merged into (out, lse). Words and chunk table: see attention/wasm/layout.ts.
 * item = (b·(h1 - h0) + h - h0)·chunkCount + chunk: neighbouring items read the same keys.
 */
export function dilatedAttentionForward(params: usize, begin: i32, end: i32, scratch: usize): void {
  const chunks = load<i32>(params, 48), h0 = load<i32>(params, 64), heads = load<i32>(params, 68) - h0;
  storeExpTable(scratch + TABLE);
  for (let item = begin; item < end; item++) {
    const bh = item / chunks;
    chunkForward(params, load<usize>(params, 24) + <usize>(item % chunks) * 20, bh / heads, h0 + (bh % heads), scratch);
  }
}

function chunkForward(params: usize, chunk: usize, b: i32, h: i32, scratch: usize): void {
  const mask = load<usize>(params, 20), maskBytes = load<i32>(params, 80);
  const N = load<i32>(params, 32), H = load<i32>(params, 36), G = load<i32>(params, 40), D = load<i32>(params, 44);
  const r = load<i32>(params, 52), causal = load<i32>(params, 72), merge = load<i32>(params, 76);
  const threshold = load<i32>(params, 84), seedLo = load<i32>(params, 88), seedHi = load<i32>(params, 92);
  const domain = load<i32>(params, 100), scale = load<f32>(params, 104), keepScale = load<f32>(params, 108);

  const segment = load<i32>(chunk), s = headOffset(load<i32>(params, 56), load<i32>(params, 60), h, H, r);
  const rows = rowsOfHead(load<i32>(chunk, 4) - segment, s, r);
  const last = min(load<i32>(chunk, 12), rows);
  // Zero padding of the segment: keys of score 0 and value 0 only enter the maximum and the denominator.
  const virtualKeys = max(load<i32>(chunk, 16) - rows, 0);

  // Row j of this head is token first + r·j; `token0` counts from the start of the tensor.
  const first = segment + s, token0 = b * N + first, g = h / (H / G);
  const qStep = <usize>(r * H * D) << 2, kStep = <usize>(r * G * D) << 2;
  const at = (<usize>(token0 * H + h) * <usize>D) << 2;
  const q = load<usize>(params, 0) + at, out = load<usize>(params, 12) + at;
  const kAt = (<usize>(token0 * G + g) * <usize>D) << 2;
  const k = load<usize>(params, 4) + kAt, v = load<usize>(params, 8) + kAt;
  const lse = load<usize>(params, 16) + (<usize>((b * H + h) * N + first) << 2);
  const u0 = first + load<i32>(params, 96); // position of row 0 for dropout

  const Dp = roundUp(D, 8), qBytes = <usize>D << 5, oBytes = <usize>Dp << 5; // bytes of one panel of Q, of O
  const kPack = scratch + DATA, vPack = kPack + (<usize>(KEYS * D) << 2);
  const qPack = vPack + (<usize>(KEYS * Dp) << 2), oPack = qPack + (<usize>(QUERIES * D) << 2);
  const list = scratch + LIST, scores = scratch + SCORES, alpha = scratch + ALPHA;

  for (let j0 = load<i32>(chunk, 8); j0 < last; j0 += QUERIES) {
    const n = min(QUERIES, last - j0);
    for (let i = 0; i < n; i += PANEL) {
      packQueries(q + qStep * <usize>(j0 + i), qStep, min(PANEL, n - i), D, scale * LOG2E, qPack + qBytes * <usize>(i >> 3));
    }
    for (let i: usize = 0; i < <usize>QUERIES * 4; i += 16) {
      v128.store(scratch + MAX + i, f32x4.splat(virtualKeys > 0 ? 0 : -1e30));
      v128.store(scratch + SUM + i, f32x4.splat(<f32>virtualKeys));
    }
    memory.fill(oPack, 0, <usize>roundUp(n, PANEL) * (<usize>Dp << 2));

    let lowest = i32.MAX_VALUE; // the first key that counts
    const keyEnd = causal ? min(rows, j0 + n) : rows;
    for (let key = 0; key < keyEnd; key += KEYS) {
      const keys = listKeys(list, key, min(key + KEYS, keyEnd), mask, maskBytes, <usize>token0, r);
      if (keys > 0) lowest = min(lowest, load<i32>(list));
      packSplat(k, kStep, list, keys, D, kPack);
      packVector(v, kStep, list, keys, D, KEYS, vPack);
      for (let i = 0; i < n; i += PANEL) {
        const j = j0 + i, panel = <usize>(i >> 3);
        const seen = causal ? countUpTo(list, keys, j + PANEL - 1) : keys;
        if (seen == 0) continue;
        scorePanel(kPack, qPack + qBytes * panel, scores, D, (seen + 3) >> 2);
        const edge: bool = causal && load<i32>(list + (<usize>(seen - 1) << 2)) > j;
        if (edge) maskFuture(scores, seen, list, j);
        softmaxPanel(scores, seen, scratch + MAX + (panel << 5), scratch + SUM + (panel << 5), alpha, scratch + TABLE);
        if (threshold) dropPanel(scores, 0, seen, list, u0, u0 + r * j, r, h + H * b, threshold, seedLo, seedHi, domain, scratch + WORK);
        // Weights of 0 times values that are not finite would reach the rows that do not see them.
        const common = edge ? countUpTo(list, seen, j) : seen, odd = edge && anyOdd(v, kStep, list, common, seen, D);
        valuePanel(scores, vPack, oPack + oBytes * panel, odd ? common : seen, Dp, alpha);
        if (odd) valuesSeen(scores, v, kStep, list, common, seen, j, oPack + oBytes * panel, D, Dp);
      }
    }

    for (let i = 0; i < n; i++) {
      const sum = load<f32>(scratch + SUM + (<usize>i << 2));
      const j = <usize>(j0 + i), to = lse + ((<usize>r * j) << 2);
      let value = load<f32>(scratch + MAX + (<usize>i << 2)) * LN2 + (sum == sum ? ln(sum) : sum), factor = keepScale / sum;
      if (sum <= 0) {
        // Every key is masked, and this branch adds nothing to the row; or all have scores of minus infinity.
        if (lowest > (causal ? j0 + i : i32.MAX_VALUE - 1) || (merge && holds(load<f32>(to)))) continue;
        value = factor = reinterpret<f32>(UNSCORED);
      }
      mergeRow(out + qStep * j, to, oPack + (<usize>(i * Dp) << 2), value, factor, D, merge ? 0 : 1);
    }
  }
}

import { roundUp } from "./simd";
import { LN2, LOG2E, UNSCORED, holds, ln, storeExpTable } from "./exp";
import { AttentionForwardWords, ChunkWords } from "./words";
import { KEYS, PANEL, scorePanel, valuePanel } from "./attention-micro";
import { KeyCursor, LIST_BYTES, POSITIONS, countBelow, countUpTo, nextKeys } from "./attention-keys";
import { packQueries, packSplat, packVector } from "./attention-pack";
import { maskOutside, softcapPanel, softmaxPanel } from "./attention-softmax";
import { dropPanel } from "./attention-dropout";
import { mergeRow } from "./attention-merge";
import { anyNonFinite, valuesSeen } from "./attention-non-finite";

/**
 * Query rows that share one packed key tile: packing costs about 40 cycles a key, against 16·QUERIES cycles of
 * products.
 */
const QUERIES: i32 = 128;

/** Byte offsets of the parts of the scratch area. */
const ALPHA: usize = 0; // [8]
const TABLE: usize = 32; // constants of exp2
const WORK: usize = 64; // dropout words, 128 bytes
const CURSOR: usize = 192; // KeyCursor
const LIST: usize = 256; // tile of keys
const MAX: usize = LIST + LIST_BYTES; // [QUERIES]
const SUM: usize = MAX + QUERIES * 4; // [QUERIES]
const SCORES: usize = SUM + QUERIES * 4; // [KEYS][8]
const DATA: usize = SCORES + KEYS * 32; // K | V | Q | O

/**
 * One pass of a schedule, merged into (out, lse); see attention/wasm/kernels.ts. item = (b·(headEnd - headBegin) + h -
 * headBegin)·chunkCount + chunk: neighbouring items read the same keys.
 */
export function attentionForward(params: usize, begin: i32, end: i32, scratch: usize): void {
  const words = changetype<AttentionForwardWords>(params);
  const chunks = words.chunkCount, h0 = words.headBegin, heads = words.headEnd - h0;
  storeExpTable(scratch + TABLE);
  for (let item = begin; item < end; item++) {
    const bh = item / chunks, h = h0 + (bh % heads);
    const entry = <usize>(item % chunks) * words.patternCount + load<u32>(words.headPatterns + (<usize>h << 2));
    chunkForward(words, changetype<ChunkWords>(words.chunks + entry * offsetof<ChunkWords>()), bh / heads, h, scratch);
  }
}

function chunkForward(words: AttentionForwardWords, chunk: ChunkWords, b: i32, h: i32, scratch: usize): void {
  const H = words.headsQ, G = words.headsKv, D = words.width, Dv = words.valueWidth, g = h / (H / G),
    M = <usize>words.keys;
  const low = words.low, high = words.high, span = high - low, runs = words.runs, runEnd = chunk.runEnd, zeros = chunk.zeros;
  const threshold = words.threshold, seedLo = words.seedLow, seedHi = words.seedHigh, domain = words.dropoutDomain;
  const scale = words.scale, keepScale = words.keepScale, softcap = words.softcap * LOG2E;

  const rowBytes = <usize>D << 2, step = chunk.step, pitch = <usize>chunk.pitch, qStep = pitch * H * rowBytes, kStep = <usize>G * rowBytes;
  const valueBytes = <usize>Dv << 2, oStep = pitch * H * valueBytes, vStep = <usize>G * valueBytes;
  const row = (<usize>b * words.queries + chunk.place) * H + h, key = <usize>b * M * G + g;
  const q = words.q + row * rowBytes, out = words.out + row * valueBytes, k = words.k + key * rowBytes,
    v = words.v + key * valueBytes;
  const lse = words.lse + (((<usize>b * H + h) * words.queries + chunk.place) << 2), lseStep = pitch << 2;
  const mask = words.mask ? words.mask + ((<usize>b * M) << 2) : 0;

  // Values are packed by eights; bytes of one panel of Q, of O.
  const Vp = roundUp(Dv, 8), qBytes = <usize>D << 5, oBytes = <usize>Vp << 5;
  const kPack = scratch + DATA, vPack = kPack + (<usize>(KEYS * D) << 2);
  const qPack = vPack + (<usize>(KEYS * Vp) << 2), oPack = qPack + (<usize>(QUERIES * D) << 2);
  const list = scratch + LIST, positions = list + POSITIONS, scores = scratch + SCORES, alpha = scratch + ALPHA;
  const cursor = changetype<KeyCursor>(scratch + CURSOR);

  for (let j0 = 0; j0 < chunk.count; j0 += QUERIES) {
    const n = min(QUERIES, chunk.count - j0), t0 = chunk.position + step * j0;
    const from = t0 + low, to = t0 + step * (n - 1) + high;
    for (let i = 0; i < n; i += PANEL) {
      packQueries(q + qStep * <usize>(j0 + i), qStep, min(PANEL, n - i), D, scale * LOG2E, qPack + qBytes * <usize>(i >> 3));
    }
    // Zero keys, of score 0 and value 0, only enter the maximum and the denominator.
    for (let i: usize = 0; i < <usize>QUERIES * 4; i += 16) {
      v128.store(scratch + MAX + i, f32x4.splat(zeros > 0 ? 0 : -1e30));
      v128.store(scratch + SUM + i, f32x4.splat(<f32>zeros));
    }
    memory.fill(oPack, 0, <usize>roundUp(n, PANEL) * (<usize>Vp << 2));

    let some = false;
    cursor.run = chunk.runBegin;
    cursor.index = 0;
    for (;;) {
      const keys = nextKeys(cursor, runs, runEnd, from, to, mask, words.lists, list);
      if (keys == 0) break;
      some = true;
      packSplat(k, kStep, list, keys, D, kPack);
      packVector(v, vStep, list, keys, Dv, KEYS, vPack);
      for (let i = 0; i < n; i += PANEL) {
        const t = t0 + step * i, tLast = t + step * (min(PANEL, n - i) - 1), panel = <usize>(i >> 3);
        const first = countBelow(positions, keys, t + low), last = countUpTo(positions, keys, tLast + high);
        if (first >= last) continue;
        // Keys are packed by fours. From here on, what is seen is a tile of its own.
        const base = first & ~3, seen = last - base, at = <usize>base << 2, us = positions + at;
        scorePanel(kPack + rowBytes * base, qPack + qBytes * panel, scores, D, (seen + 3) >> 2);
        if (softcap > 0) softcapPanel(scores, seen, softcap, 0);
        const edge: bool = load<i32>(us) < tLast + low || load<i32>(us + (<usize>(seen - 1) << 2)) > t + high;
        if (edge) maskOutside(scores, seen, us, t, step, low, span);
        softmaxPanel(scores, seen, scratch + MAX + (panel << 5), scratch + SUM + (panel << 5), alpha, scratch + TABLE);
        if (threshold) dropPanel(scores, 0, seen, us, t, step, h + H * b, threshold, seedLo, seedHi, domain, scratch + WORK);
        // Weights of 0 times values that are not finite would reach the rows that do not see them: keys that not all
        // rows see are done by themselves.
        let a = 0, z = seen;
        const o = oPack + oBytes * panel, values = vPack + (<usize>base << 5);
        if (edge) {
          a = countBelow(us, seen, tLast + low);
          z = max(a, countUpTo(us, seen, t + high));
          if (!anyNonFinite(v, vStep, list + at, 0, a, Dv) && !anyNonFinite(v, vStep, list + at, z, seen, Dv)) {
            a = 0;
            z = seen;
          }
        }
        valuePanel(scores + (<usize>a << 5), values + (<usize>a << 5), o, z - a, Vp, alpha);
        if (a > 0) valuesSeen(scores, v, vStep, list + at, 0, a, t, step, low, span, o, Dv, Vp);
        if (z < seen) valuesSeen(scores, v, vStep, list + at, z, seen, t, step, low, span, o, Dv, Vp);
      }
    }

    for (let i = 0; i < n; i++) {
      const sum = load<f32>(scratch + SUM + (<usize>i << 2));
      const j = <usize>(j0 + i), to = lse + lseStep * j, t = t0 + step * i;
      let value = load<f32>(scratch + MAX + (<usize>i << 2)) * LN2 + (sum == sum ? ln(sum) : sum), factor = keepScale / sum;
      if (sum <= 0) {
        // The row sees no key, and this pass adds nothing to it; or all have scores of minus infinity.
        cursor.run = chunk.runBegin;
        cursor.index = 0;
        if (
          !some ||
          nextKeys(cursor, runs, runEnd, t + low, t + high, mask, words.lists, list) == 0 ||
          holds(load<f32>(to))
        ) continue;
        value = factor = reinterpret<f32>(UNSCORED);
      }
      mergeRow(out + oStep * j, to, oPack + (<usize>(i * Vp) << 2), value, factor, Dv);
    }
  }
}

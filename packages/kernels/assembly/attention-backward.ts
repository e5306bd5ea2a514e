import { fma, roundUp } from "./simd";
import { EMPTY_BOUND, LOG2E, storeExpTable } from "./exp";
import { AttentionBackwardWords, RunWords } from "./words";
import { KEYS, PANEL, keyPanel, scorePanel, valuePanel } from "./attention-micro";
import { KeyCursor, LIST_BYTES, POSITIONS, countBelow, countUpTo, nextKeys, rowsUpTo } from "./attention-keys";
import { listRows, packQueries, packSplat, packVector } from "./attention-pack";
import { maskOutside, scalePanel, softcapPanel, weightPanel } from "./attention-softmax";
import { dropPanel } from "./attention-dropout";
import { anyNonFinite, anyNonFiniteOf, nonFiniteProducts, nonFiniteWeights } from "./attention-non-finite";

/** Query rows worked on at once; their P and dS for one key tile (32 KiB each) wait in L2 for the key gradients. */
const QUERIES: i32 = 64;

/** Byte offsets of the parts of the scratch area. */
const ONES: usize = 0; // [8]
const TABLE: usize = 32; // constants of exp2
const WORK: usize = 64; // dropout words, 128 bytes
const CURSOR: usize = 192; // KeyCursor
const LIST: usize = 256; // tile of keys
const QLIST: usize = LIST + LIST_BYTES; // [QUERIES] places of queries
const LSE: usize = QLIST + QUERIES * 4; // [QUERIES], times log2 e
const DELTA: usize = LSE + QUERIES * 4; // [QUERIES]
const SLOPES: usize = DELTA + QUERIES * 4; // [KEYS][8], derivatives of the softcap
const P: usize = SLOPES + KEYS * 32; // [QUERIES/8][KEYS][8]
const DS: usize = P + KEYS * QUERIES * 4; // alike
const DATA: usize = DS + KEYS * QUERIES * 4; // K splat | V splat | K | dK | dV | Q^T | dO^T | Q | dO | dQ

/**
 * Gradient over one launch of a schedule, given the total lse and delta; adds to those of dq, dk and dv (dk with dv)
 * that are not 0. See attention/wasm/kernels.ts.
 *
 * item = (b·G + g)·blockCount + block. It owns the key rows and the query rows of its block for all query heads of g,
 * hence one launch must not hold two blocks that share key rows or query rows. One pass makes all three gradients: five
 * products, where separate dQ and dK/dV kernels need seven.
 */
export function attentionBackward(params: usize, begin: i32, end: i32, scratch: usize): void {
  const words = changetype<AttentionBackwardWords>(params), H = words.headsQ, G = words.headsKv, blocks = words.blockCount, group = H / G;
  storeExpTable(scratch + TABLE);
  for (let item = begin; item < end; item++) {
    const bg = item / blocks, b = bg / G, g = bg % G, last = min(words.headEnd, (g + 1) * group);
    for (let h = max(words.headBegin, g * group); h < last; h++) {
      const entry = <usize>(item % blocks) * words.patternCount + load<u32>(words.headPatterns + (<usize>h << 2));
      // A block is a run of keys and one of queries.
      blockBackward(words, words.blocks + entry * 2 * offsetof<RunWords>(), b, g, h, scratch);
    }
  }
}

function blockBackward(words: AttentionBackwardWords, block: usize, b: i32, g: i32, h: i32, scratch: usize): void {
  const queries = changetype<RunWords>(block + offsetof<RunWords>());
  const H = words.headsQ, G = words.headsKv, D = words.width, Dv = words.valueWidth, M = <usize>words.keys;
  const low = words.low, high = words.high, span = high - low;
  const threshold = words.threshold, seedLo = words.seedLow, seedHi = words.seedHigh, domain = words.dropoutDomain;
  const scale = words.scale, keepScale = words.keepScale, softcap = words.softcap * LOG2E;

  // Query j has its rows at qStep·j, a key at place p at kStep·p.
  const rowBytes = <usize>D << 2, step = queries.step, pitch = <usize>queries.pitch, qStep = pitch * H * rowBytes, kStep = <usize>G * rowBytes;
  const valueBytes = <usize>Dv << 2, oStep = pitch * H * valueBytes, vStep = <usize>G * valueBytes;
  const query = (<usize>b * words.queries + queries.place) * H + h, key = <usize>b * M * G + g;
  const q = words.q + query * rowBytes, dout = words.dout + query * valueBytes,
    dq = words.dq ? words.dq + query * rowBytes : 0;
  const k = words.k + key * rowBytes, v = words.v + key * valueBytes, dk = words.dk ? words.dk + key * rowBytes : 0,
    dv = words.dv + key * valueBytes;
  const lseAt = ((<usize>b * H + h) * words.queries + queries.place) << 2, lseStep = pitch << 2;
  const lse = words.lse + lseAt, delta = words.delta + lseAt;
  const mask = words.mask ? words.mask + ((<usize>b * M) << 2) : 0;

  const Dp = roundUp(D, 8), Vp = roundUp(Dv, 8), panelBytes = <usize>D << 5, outPanelBytes = <usize>Dv << 5,
    scoreBytes: usize = KEYS * 32;
  const tileBytes = <usize>Dp << 2, valueTileBytes = <usize>Vp << 2, sumBytes = KEYS * (tileBytes + valueTileBytes);
  const kSplat = scratch + DATA, vSplat = kSplat + KEYS * rowBytes, kVector = vSplat + KEYS * valueBytes;
  const dkTile = kVector + KEYS * tileBytes, dvTile = dkTile + KEYS * tileBytes, qPanels = dkTile + sumBytes;
  const doPanels = qPanels + QUERIES * tileBytes, qVector = doPanels + QUERIES * valueTileBytes;
  const doVector = qVector + QUERIES * tileBytes, dqPanel = doVector + QUERIES * valueTileBytes;
  const list = scratch + LIST, positions = list + POSITIONS, qList = scratch + QLIST, p = scratch + P, ds = scratch + DS;
  const slopes = softcap > 0 ? scratch + SLOPES : 0;
  v128.store(scratch + ONES, f32x4.splat(1));
  v128.store(scratch + ONES, f32x4.splat(1), 16);

  const cursor = changetype<KeyCursor>(scratch + CURSOR), first = queries.position, behind = queries.count;
  cursor.run = cursor.index = 0;
  if (behind <= 0) return;
  for (;;) {
    const keys = nextKeys(cursor, block, 1, first + low, first + step * (behind - 1) + high, mask, words.lists, list);
    const groups = (keys + 3) >> 2;
    if (keys == 0) break;
    const from = rowsUpTo(load<i32>(positions) - high - 1, first, step);
    const to = min(behind, rowsUpTo(load<i32>(positions + (<usize>(keys - 1) << 2)) - low, first, step));
    if (from >= to) continue;
    packSplat(k, kStep, list, keys, D, kSplat);
    packSplat(v, vStep, list, keys, Dv, vSplat);
    packVector(k, kStep, list, keys, D, KEYS, kVector);
    memory.fill(dkTile, 0, sumBytes);
    const nonFiniteKeys = anyNonFinite(k, kStep, list, 0, keys, D) || anyNonFinite(v, vStep, list, 0, keys, Dv);

    for (let j0 = from; j0 < to; j0 += QUERIES) {
      const n = min(QUERIES, to - j0), panels = (n + PANEL - 1) >> 3;
      listRows(qList, j0, 1, n);
      packVector(q, qStep, qList, n, D, QUERIES, qVector);
      packVector(dout, oStep, qList, n, Dv, QUERIES, doVector);
      loadRows(lse + lseStep * <usize>j0, delta + lseStep * <usize>j0, lseStep, n, scratch + LSE, scratch + DELTA);
      const nonFinite = nonFiniteKeys || anyNonFiniteOf(scratch + LSE, n) || anyNonFiniteOf(scratch + DELTA, n)
        || anyNonFinite(q, qStep, qList, 0, n, D) || anyNonFinite(dout, oStep, qList, 0, n, Dv);
      for (let panel = 0; panel < panels; panel++) {
        const j = j0 + panel * PANEL, m = min(PANEL, j0 + n - j), at = <usize>panel, row = qStep * <usize>j,
          result = oStep * <usize>j;
        const t = first + step * j, tLast = t + step * (m - 1);
        const begin = countBelow(positions, keys, t + low) & ~3, seen = max(0, countUpTo(positions, keys, tLast + high) - begin);
        // What is seen is a tile of its own; keys come in packs of four.
        const skipped = <usize>begin, tile = list + (skipped << 2), us = tile + POSITIONS;
        const panelP = p + scoreBytes * at, pp = panelP + (skipped << 5), panelS = ds + scoreBytes * at, dsp = panelS + (skipped << 5);
        if (seen > 0) {
          packQueries(q + row, qStep, m, D, scale * LOG2E, qPanels + panelBytes * at);
          packQueries(dout + result, oStep, m, Dv, keepScale, doPanels + outPanelBytes * at);
          scorePanel(kSplat + rowBytes * skipped, qPanels + panelBytes * at, pp, D, (seen + 3) >> 2);
          scorePanel(vSplat + valueBytes * skipped, doPanels + outPanelBytes * at, dsp, Dv, (seen + 3) >> 2);
          if (slopes) softcapPanel(pp, seen, softcap, slopes);
          if (load<i32>(us) < tLast + low || load<i32>(us + (<usize>(seen - 1) << 2)) > t + high) maskOutside(pp, seen, us, t, step, low, span);
          weightPanel(pp, seen, scratch + LSE + (at << 5), scratch + TABLE);
          if (threshold) dropPanel(dsp, pp, seen, us, t, step, h + H * b, threshold, seedLo, seedHi, domain, scratch + WORK);
          gradientPanel(pp, dsp, seen, scratch + DELTA + (at << 5));
          if (slopes) scalePanel(dsp, slopes, seen);
        }
        // keyPanel reads all keys of the tile in every panel.
        const unseen = <usize>((groups << 2) - begin - seen) << 5;
        memory.fill(panelP, 0, skipped << 5);
        memory.fill(panelS, 0, skipped << 5);
        memory.fill(pp + (<usize>seen << 5), 0, unseen);
        memory.fill(dsp + (<usize>seen << 5), 0, unseen);
        if (seen == 0) continue;
        memory.fill(dqPanel, 0, tileBytes << 3);
        if (nonFinite) {
          nonFiniteWeights(
            pp, dsp, seen, tile, t, step, m, low, span, scratch + LSE + (at << 5), scratch + DELTA + (at << 5),
          );
          const dkTo = dkTile + tileBytes * skipped, dvTo = dvTile + valueTileBytes * skipped;
          nonFiniteProducts(
            pp, dsp, seen, tile, t, step, m, low, span, q + row, qStep, dout + result, oStep, k, kStep, dqPanel, dkTo,
            dvTo, D, Dv,
          );
        } else if (dq) valuePanel(dsp, kVector + (skipped << 5), dqPanel, seen, Dp, scratch + ONES);
        if (!dq) continue;
        for (let i: usize = 0; i < <usize>m; i++) addScaled(dq + row + qStep * i, dqPanel + tileBytes * i, scale, D);
      }
      if (nonFinite || !dk) continue;
      keyPanel(ds, qVector, dkTile, groups, panels, Dp, QUERIES);
      keyPanel(p, doVector, dvTile, groups, panels, Vp, QUERIES);
    }

    if (!dk) continue;
    for (let i: usize = 0; i < <usize>keys; i++) {
      const place = <usize>load<i32>(list + (i << 2));
      addScaled(dk + kStep * place, dkTile + tileBytes * i, scale, D);
      addScaled(dv + vStep * place, dvTile + valueTileBytes * i, keepScale, Dv);
    }
  }
}

/**
 * lse·log2 e and delta of n query rows. Rows that saw no key, and lanes behind the last row, get an lse that makes
 * every weight exactly 0.
 */
function loadRows(lse: usize, delta: usize, step: usize, n: i32, lseOut: usize, deltaOut: usize): void {
  for (let i = 0; i < roundUp(n, PANEL); i++, lse += step, delta += step, lseOut += 4, deltaOut += 4) {
    const x: f32 = i < n ? load<f32>(lse) : <f32>-1e30;
    const empty = x <= EMPTY_BOUND;
    store<f32>(lseOut, empty ? <f32>1e30 : x * LOG2E);
    store<f32>(deltaOut, empty ? <f32>0 : load<f32>(delta));
  }
}

/**
 * dp[key][8] becomes dS = P·(dP - delta). The sign bit of P marks a dropped weight: dS takes its magnitude, P itself
 * becomes 0.
 */
function gradientPanel(p: usize, dp: usize, keys: i32, delta: usize): void {
  const d0 = v128.load(delta), d1 = v128.load(delta, 16), zero = f32x4.splat(0);
  for (const end = p + (<usize>keys << 5); p != end; p += 32, dp += 32) {
    const p0 = v128.load(p), p1 = v128.load(p, 16);
    v128.store(dp, f32x4.mul(f32x4.abs(p0), f32x4.sub(v128.load(dp), d0)));
    v128.store(dp, f32x4.mul(f32x4.abs(p1), f32x4.sub(v128.load(dp, 16), d1)), 16);
    v128.store(p, f32x4.pmax(zero, p0));
    v128.store(p, f32x4.pmax(zero, p1), 16);
  }
}

/** to[D] += scale·from. */
function addScaled(to: usize, from: usize, scale: f32, D: i32): void {
  const t = f32x4.splat(scale);
  for (const end = to + (<usize>D << 2); to != end; to += 16, from += 16) v128.store(to, fma(t, v128.load(from), v128.load(to)));
}

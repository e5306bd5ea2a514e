import { fma, roundUp } from "./simd";
import { EMPTY_BOUND, LOG2E, storeExpTable } from "./exp";
import { KEYS, PANEL, keyPanel, scorePanel, valuePanel } from "./attention-micro";
import { headOffset, rowsOfHead } from "./attention-params";
import { listKeys, packQueries, packSplat, packVector } from "./attention-pack";
import { countUpTo, maskFuture, weightPanel } from "./attention-softmax";
import { dropPanel } from "./attention-dropout";
import { anyOdd, anyOddOf, oddProducts, oddWeights } from "./attention-odd";

/** Query rows worked on at once; their P and dS for one key tile (32 KiB each) wait in L2 for the key gradients. */
const QUERIES: i32 = 64;

/** Byte offsets of the parts of the scratch area. */
const ONES: usize = 0; // [8]
const TABLE: usize = 32; // constants of exp2
const WORK: usize = 64; // dropout words, 128 bytes
const LIST: usize = 256; // [KEYS] key rows
const QLIST: usize = LIST + KEYS * 4; // [QUERIES] query rows
const LSE: usize = QLIST + QUERIES * 4; // [QUERIES], times log2 e
const DVEC: usize = LSE + QUERIES * 4; // [QUERIES]
const P: usize = DVEC + QUERIES * 4; // [QUERIES/8][KEYS][8]
const DS: usize = P + KEYS * QUERIES * 4; // alike
const DATA: usize = DS + KEYS * QUERIES * 4; // K splat | V splat | K | dK | dV | Q^T | dO^T | Q | dO | dQ

/**
 * Exact gradient of one branch, given the total lse and dvec; adds to dq, dk, dv. Words and block table: see attention/wasm/layout.ts.
 *
 * item = (b·G + g)·blockCount + block. It owns the key rows and the query rows of its block for all query heads of g, hence one launch must
 * not hold two blocks of a segment that share key rows or query rows. One pass makes all three gradients: five products,
 * where separate dQ and dK/dV kernels need seven.
 */
export function dilatedAttentionBackward(params: usize, begin: i32, end: i32, scratch: usize): void {
  const H = load<i32>(params, 52), G = load<i32>(params, 56), blocks = load<i32>(params, 64), group = H / G;
  storeExpTable(scratch + TABLE);
  for (let item = begin; item < end; item++) {
    const block = load<usize>(params, 40) + <usize>(item % blocks) * 24;
    const bg = item / blocks, b = bg / G, g = bg % G;
    const last = min(load<i32>(params, 84), (g + 1) * group);
    for (let h = max(load<i32>(params, 80), g * group); h < last; h++) blockBackward(params, block, b, g, h, scratch);
  }
}

function blockBackward(params: usize, block: usize, b: i32, g: i32, h: i32, scratch: usize): void {
  const mask = load<usize>(params, 36), maskBytes = load<i32>(params, 92);
  const N = load<i32>(params, 48), H = load<i32>(params, 52), G = load<i32>(params, 56), D = load<i32>(params, 60);
  const r = load<i32>(params, 68), causal = load<i32>(params, 88);
  const threshold = load<i32>(params, 96), seedLo = load<i32>(params, 100), seedHi = load<i32>(params, 104);
  const domain = load<i32>(params, 112), scale = load<f32>(params, 116), keepScale = load<f32>(params, 120);

  const segment = load<i32>(block), s = headOffset(load<i32>(params, 72), load<i32>(params, 76), h, H, r);
  const rows = rowsOfHead(load<i32>(block, 4) - segment, s, r);
  const keyEnd = min(load<i32>(block, 12), rows), queryBegin = load<i32>(block, 16), queryEnd = min(load<i32>(block, 20), rows);

  // Row j of this head is token first + r·j; `token0` counts from the start of the tensor.
  const first = segment + s, token0 = b * N + first;
  const qStep = <usize>(r * H * D) << 2, kStep = <usize>(r * G * D) << 2, lseStep = <usize>r << 2;
  const qAt = (<usize>(token0 * H + h) * <usize>D) << 2, kAt = (<usize>(token0 * G + g) * <usize>D) << 2;
  const q = load<usize>(params, 0) + qAt, dout = load<usize>(params, 12) + qAt, dq = load<usize>(params, 24) + qAt;
  const k = load<usize>(params, 4) + kAt, v = load<usize>(params, 8) + kAt;
  const lseAt = <usize>((b * H + h) * N + first) << 2;
  const lse = load<usize>(params, 16) + lseAt, dvec = load<usize>(params, 20) + lseAt;
  const u0 = first + load<i32>(params, 108);

  const Dp = roundUp(D, 8), splatBytes = <usize>(KEYS * D) << 2, panelBytes = <usize>D << 5, scoreBytes: usize = KEYS * 32;
  const keyBytes = <usize>(KEYS * Dp) << 2, queryBytes = <usize>(QUERIES * Dp) << 2;
  const kSplat = scratch + DATA, vSplat = kSplat + splatBytes, kVector = vSplat + splatBytes;
  const dkTile = kVector + keyBytes, dvTile = dkTile + keyBytes, qPanels = dvTile + keyBytes, doPanels = qPanels + queryBytes;
  const qVector = doPanels + queryBytes, doVector = qVector + queryBytes, dqPanel = doVector + queryBytes;
  const list = scratch + LIST, qList = scratch + QLIST, p = scratch + P, ds = scratch + DS;
  v128.store(scratch + ONES, f32x4.splat(1));
  v128.store(scratch + ONES, f32x4.splat(1), 16);

  for (let key = load<i32>(block, 8); key < keyEnd; key += KEYS) {
    const from = causal ? max(queryBegin, key) : queryBegin;
    if (from >= queryEnd) break;
    const keys = listKeys(list, key, min(key + KEYS, keyEnd), mask, maskBytes, <usize>token0, r), groups = (keys + 3) >> 2;
    if (keys == 0) continue;
    packSplat(k, kStep, list, keys, D, kSplat);
    packSplat(v, kStep, list, keys, D, vSplat);
    packVector(k, kStep, list, keys, D, KEYS, kVector);
    memory.fill(dkTile, 0, keyBytes * 2);
    const oddKeys = anyOdd(k, kStep, list, 0, keys, D) || anyOdd(v, kStep, list, 0, keys, D);

    for (let j0 = from; j0 < queryEnd; j0 += QUERIES) {
      const n = min(QUERIES, queryEnd - j0), panels = (n + PANEL - 1) >> 3;
      listKeys(qList, j0, j0 + n, 0, 1, 0, r);
      packVector(q, qStep, qList, n, D, QUERIES, qVector);
      packVector(dout, qStep, qList, n, D, QUERIES, doVector);
      loadRows(lse + lseStep * <usize>j0, dvec + lseStep * <usize>j0, lseStep, n, scratch + LSE, scratch + DVEC);
      const odd = oddKeys || anyOddOf(scratch + LSE, n) || anyOddOf(scratch + DVEC, n)
        || anyOdd(q, qStep, qList, 0, n, D) || anyOdd(dout, qStep, qList, 0, n, D);
      for (let panel = 0; panel < panels; panel++) {
        const j = j0 + panel * PANEL, m = min(PANEL, j0 + n - j), at = <usize>panel, row = qStep * <usize>j;
        const pp = p + scoreBytes * at, dsp = ds + scoreBytes * at;
        const seen = causal ? countUpTo(list, keys, j + PANEL - 1) : keys;
        if (seen > 0) {
          packQueries(q + row, qStep, m, D, scale * LOG2E, qPanels + panelBytes * at);
          packQueries(dout + row, qStep, m, D, keepScale, doPanels + panelBytes * at);
          scorePanel(kSplat, qPanels + panelBytes * at, pp, D, (seen + 3) >> 2);
          scorePanel(vSplat, doPanels + panelBytes * at, dsp, D, (seen + 3) >> 2);
          if (causal && load<i32>(list + (<usize>(seen - 1) << 2)) > j) maskFuture(pp, seen, list, j);
          weightPanel(pp, seen, scratch + LSE + (at << 5), scratch + TABLE);
          if (threshold) dropPanel(dsp, pp, seen, list, u0, u0 + r * j, r, h + H * b, threshold, seedLo, seedHi, domain, scratch + WORK);
          gradientPanel(pp, dsp, seen, scratch + DVEC + (at << 5));
        }
        // keyPanel reads all keys of the tile in every panel.
        const unseen = <usize>((groups << 2) - seen) << 5;
        memory.fill(pp + (<usize>seen << 5), 0, unseen);
        memory.fill(dsp + (<usize>seen << 5), 0, unseen);
        if (seen == 0) continue;
        memory.fill(dqPanel, 0, <usize>Dp << 5);
        if (odd) {
          oddWeights(pp, dsp, seen, list, j, m, causal, scratch + LSE + (at << 5), scratch + DVEC + (at << 5));
          oddProducts(pp, dsp, seen, list, j, m, causal, q + row, dout + row, qStep, k, kStep, dqPanel, dkTile, dvTile, D, Dp);
        } else valuePanel(dsp, kVector, dqPanel, seen, Dp, scratch + ONES);
        for (let i: usize = 0; i < <usize>m; i++) addScaled(dq + row + qStep * i, dqPanel + (<usize>Dp << 2) * i, scale, D);
      }
      if (odd) continue;
      keyPanel(ds, qVector, dkTile, groups, panels, Dp, QUERIES);
      keyPanel(p, doVector, dvTile, groups, panels, Dp, QUERIES);
    }

    const dk = load<usize>(params, 28) + kAt, dv = load<usize>(params, 32) + kAt, rowBytes = <usize>Dp << 2;
    for (let i: usize = 0; i < <usize>keys; i++) {
      const at = kStep * <usize>load<i32>(list + (i << 2));
      addScaled(dk + at, dkTile + rowBytes * i, scale, D);
      addScaled(dv + at, dvTile + rowBytes * i, keepScale, D);
    }
  }
}

/** lse·log2 e and dvec of n query rows. Rows that saw no key, and lanes behind the last row, get an lse that makes every weight exactly 0. */
function loadRows(lse: usize, dvec: usize, step: usize, n: i32, lseOut: usize, dvecOut: usize): void {
  for (let i = 0; i < roundUp(n, PANEL); i++, lse += step, dvec += step, lseOut += 4, dvecOut += 4) {
    const x: f32 = i < n ? load<f32>(lse) : <f32>-1e30;
    const empty = x <= EMPTY_BOUND;
    store<f32>(lseOut, empty ? <f32>1e30 : x * LOG2E);
    store<f32>(dvecOut, empty ? <f32>0 : load<f32>(dvec));
  }
}

/** dp[key][8] becomes dS = P·(dP - dvec). The sign bit of P marks a dropped weight: dS takes its magnitude, P itself becomes 0. */
function gradientPanel(p: usize, dp: usize, keys: i32, dvec: usize): void {
  const d0 = v128.load(dvec), d1 = v128.load(dvec, 16), zero = f32x4.splat(0);
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

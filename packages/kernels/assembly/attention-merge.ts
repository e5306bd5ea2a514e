import { EMPTY_BOUND, LOG2E, exp2, holds, ln } from "./exp";
import { sum4 } from "./simd";
import { AttentionRowDotWords, LseMergeWords } from "./words";

/**
 * Merges one finished row into (out, lse): out -= sigmoid(lseB - lse)·(out - scaleB·outB). A stored lse below
 * EMPTY_BOUND means that the row holds nothing yet.
 */
export function mergeRow(out: usize, lse: usize, outB: usize, lseB: f32, scaleB: f32, D: i32): void {
  const t = f32x4.splat(scaleB), end = out + (<usize>D << 2);
  const lseA = load<f32>(lse);
  if (!holds(lseA)) {
    for (; out != end; out += 16, outB += 16) v128.store(out, f32x4.mul(t, v128.load(outB)));
    store<f32>(lse, lseB);
    return;
  }
  const d = lseB - lseA;
  const e = exp2(-abs(d) * LOG2E); // in (0, 1]
  const w = f32x4.splat((d > 0 ? <f32>1 : e) / (1 + e));
  for (; out != end; out += 16, outB += 16) {
    const a = v128.load(out);
    v128.store(out, f32x4.sub(a, f32x4.mul(w, f32x4.sub(a, f32x4.mul(t, v128.load(outB))))));
  }
  store<f32>(lse, max(lseA, lseB) + ln(1 + e));
}

/**
 * (outA, lseA) merged with (outB, lseB) in place into A; out [B, N, H, D], lse [B, H, N]. An item is a block of
 * `itemTokens` tokens of the B·N tokens, all heads. No scratch.
 */
export function lseMerge(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const words = changetype<LseMergeWords>(params);
  const outA = words.out, lseA = words.lse, outB = words.outB, lseB = words.lseB;
  const B = words.batch, N = words.tokens, H = words.heads, D = words.width, rows = words.itemTokens;
  const last = min(end * rows, B * N), bytes = <usize>D << 2;
  for (let token = begin * rows; token < last; token++) {
    const b = token / N, t = token % N;
    for (let h = 0; h < H; h++) {
      const at = (<usize>(b * H + h) * N + t) << 2, row = (<usize>token * H + h) * bytes;
      const x = load<f32>(lseB + at);
      if (!holds(x) && (x <= EMPTY_BOUND || holds(load<f32>(lseA + at)))) continue;
      mergeRow(outA + row, lseA + at, outB + row, x, 1, D);
    }
  }
}

/** delta[b, h, t] = Σ_d dout·out, both [B, N, H, D]; delta [B, H, N]. Items as in lseMerge. No scratch. */
export function attentionRowDot(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const words = changetype<AttentionRowDotWords>(params), out = words.out, dout = words.dout, delta = words.delta;
  const B = words.batch, N = words.queries, H = words.headsQ, D = words.width, rows = words.itemTokens;
  const last = min(end * rows, B * N), bytes = <usize>D << 2;
  for (let token = begin * rows; token < last; token++) {
    const b = token / N, t = token % N;
    for (let h = 0; h < H; h++) {
      const row = (<usize>token * H + h) * bytes;
      let sum = f32x4.splat(0);
      for (let d: usize = 0; d < bytes; d += 16) {
        sum = f32x4.add(sum, f32x4.mul(v128.load(out + row + d), v128.load(dout + row + d)));
      }
      store<f32>(delta + ((<usize>(b * H + h) * N + t) << 2), sum4(sum));
    }
  }
}

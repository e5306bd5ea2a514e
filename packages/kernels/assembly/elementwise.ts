import { ITEM_QUADS } from "./activation";

// Codes of the operations: the same numbers are in src/elementwise/binary.ts and binary.wgsl.
const ADD: i32 = 0;
const SUB: i32 = 1;
const DIV: i32 = 3;

// @ts-ignore: decorator
@inline
function combine4(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return f32x4.add(a, b);
  if (op == SUB) return f32x4.sub(a, b);
  if (op == DIV) return f32x4.div(a, b);
  return f32x4.mul(a, b);
}

/**
 * y[e] = a[e] op b[(e + first) mod period]. Words: a, b, y, quads, period, first, op. Runs up to the next wrap of b, so that
 * the loop inside loads whole vectors whatever the period is.
 */
export function binaryF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const a = load<usize>(params, 0), b = load<usize>(params, 4), y = load<usize>(params, 8);
  const quads = load<i32>(params, 12), period = load<u32>(params, 16), first = load<u32>(params, 20), op = load<i32>(params, 24);
  const last = <u32>min(quads, end * ITEM_QUADS) << 2;
  let e = <u32>(begin * ITEM_QUADS) << 2;
  let j = <u32>((<u64>e + <u64>first) % <u64>period);
  while (e < last) {
    const run = min(last - e, period - j), whole = run & ~3;
    const pa = a + (<usize>e << 2), pb = b + (<usize>j << 2), py = y + (<usize>e << 2);
    for (let at: usize = 0; at < <usize>whole << 2; at += 16) {
      v128.store(py + at, combine4(op, v128.load(pa + at), v128.load(pb + at)));
    }
    for (let at = <usize>whole << 2; at < <usize>run << 2; at += 4) {
      const value = combine4(op, v128.load32_zero(pa + at), v128.load32_zero(pb + at));
      v128.store_lane<f32>(py + at, value, 0);
    }
    e += run;
    j = 0;
  }
}

/**
 * y[e] = condition[e] ? a[e] : b[e], each at (e + first) mod period; a or b may be left out, for zeros. Words:
 * condition, a, b, y | quads, periods, firsts. Runs up to the next wrap of any of them.
 */
export function whereF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const c = load<usize>(params), a = load<usize>(params, 4), b = load<usize>(params, 8), y = load<usize>(params, 12);
  const quads = load<i32>(params, 16);
  const pc = load<u32>(params, 20), pa = load<u32>(params, 24), pb = load<u32>(params, 28);
  const last = <u32>min(quads, end * ITEM_QUADS) << 2;
  let e = <u32>(begin * ITEM_QUADS) << 2;
  let jc = wrap(e, load<u32>(params, 32), pc);
  let ja = wrap(e, load<u32>(params, 36), pa), jb = wrap(e, load<u32>(params, 40), pb);
  const zero = i32x4.splat(0);
  while (e < last) {
    const run = min(min(last - e, pc - jc), min(pa - ja, pb - jb));
    const whole = <usize>(run & ~3) << 2, bytes = <usize>run << 2;
    const atC = c + (<usize>jc << 2), atA = a + (<usize>ja << 2), atB = b + (<usize>jb << 2), atY = y + (<usize>e << 2);
    for (let at: usize = 0; at < whole; at += 16) {
      const yes = a ? v128.load(atA + at) : zero, no = b ? v128.load(atB + at) : zero;
      v128.store(atY + at, v128.bitselect(no, yes, i32x4.eq(v128.load(atC + at), zero)));
    }
    for (let at = whole; at < bytes; at += 4) {
      const chosen = load<u32>(atC + at) != 0;
      store<u32>(atY + at, chosen ? (a ? load<u32>(atA + at) : 0) : b ? load<u32>(atB + at) : 0);
    }
    e += run;
    jc = jc + run == pc ? 0 : jc + run;
    ja = ja + run == pa ? 0 : ja + run;
    jb = jb + run == pb ? 0 : jb + run;
  }
}

// @ts-ignore: decorator
@inline
function wrap(e: u32, first: u32, period: u32): u32 {
  return <u32>((<u64>e + <u64>first) % <u64>period);
}

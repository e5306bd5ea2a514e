// Philox4x32-10 (Salmon et al., SC'11), four counters at a time, one in each lane. Dropout keeps the key u for the query t of head
// h iff word u & 3 of philox((t, u >> 2, h + H·b, 0x0D120 + 2^16·stream), seed) >= threshold: a function of global positions alone,
// so it does not depend on tiling, threads, backend or ranks.

const M0: i32 = <i32>0xd2511f53;
const M1: i32 = <i32>0xcd9e8d57;
const W0: i32 = <i32>0x9e3779b9;
const W1: i32 = <i32>0xbb67ae85;

/** Domain of dropout, the lower half of the fourth counter word. */
export const DROPOUT_DOMAIN: i32 = 0x0d120;

// High and low halves of the 64-bit products of u32 lanes: the even 32-bit words of the products are the low halves.
// @ts-ignore: decorator
@inline
function mulHigh(a: v128, m: v128): v128 {
  return v128.shuffle<i32>(i64x2.extmul_low_i32x4_u(a, m), i64x2.extmul_high_i32x4_u(a, m), 1, 3, 5, 7);
}

/**
 * Writes four vectors, 16 bytes apart, to dst: word 0 of the four counters (c0 + lane·step, c1, c2, c3), then word 1, 2, 3.
 */
export function philox4x32(c0: i32, step: i32, c1: i32, c2: i32, c3: i32, seedLo: i32, seedHi: i32, dst: usize): void {
  const m0 = i32x4.splat(M0), m1 = i32x4.splat(M1);
  let x0 = i32x4.add(i32x4.splat(c0), i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(step))), x1 = i32x4.splat(c1), x2 = i32x4.splat(c2), x3 = i32x4.splat(c3);
  let k0 = seedLo, k1 = seedHi;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(x0, m0), low0 = i32x4.mul(x0, m0);
    const high1 = mulHigh(x2, m1), low1 = i32x4.mul(x2, m1);
    x0 = v128.xor(v128.xor(high1, x1), i32x4.splat(k0));
    x1 = low1;
    x2 = v128.xor(v128.xor(high0, x3), i32x4.splat(k1));
    x3 = low0;
    k0 += W0;
    k1 += W1;
  }
  v128.store(dst, x0);
  v128.store(dst, x1, 16);
  v128.store(dst, x2, 32);
  v128.store(dst, x3, 48);
}

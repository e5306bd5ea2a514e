// Philox4x32-10 (Salmon et al., SC 2011), four counters at a time, one in each lane.

const M0: i32 = <i32>0xd2511f53;
const M1: i32 = <i32>0xcd9e8d57;
const W0: i32 = <i32>0x9e3779b9;
const W1: i32 = <i32>0xbb67ae85;

// High halves of the 64-bit products of u32 lanes.
// @ts-ignore: decorator
@inline
function mulHigh(a: v128, m: v128): v128 {
  return v128.shuffle<i32>(i64x2.extmul_low_i32x4_u(a, m), i64x2.extmul_high_i32x4_u(a, m), 1, 3, 5, 7);
}

/** Writes the words of counters (c0 + lane, c1, c2, c3), lane 0 to 3, to dst: 64 bytes, counter by counter. */
export function philox4x32(c0: i32, c1: i32, c2: i32, c3: i32, seedLow: i32, seedHigh: i32, dst: usize): void {
  const m0 = i32x4.splat(M0), m1 = i32x4.splat(M1);
  let x0 = i32x4.add(i32x4.splat(c0), i32x4(0, 1, 2, 3)), x1 = i32x4.splat(c1), x2 = i32x4.splat(c2), x3 = i32x4.splat(c3);
  let k0 = seedLow, k1 = seedHigh;
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
  const ab0 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5), ab1 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
  const cd0 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5), cd1 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
  v128.store(dst, v128.shuffle<i32>(ab0, cd0, 0, 1, 4, 5));
  v128.store(dst, v128.shuffle<i32>(ab0, cd0, 2, 3, 6, 7), 16);
  v128.store(dst, v128.shuffle<i32>(ab1, cd1, 0, 1, 4, 5), 32);
  v128.store(dst, v128.shuffle<i32>(ab1, cd1, 2, 3, 6, 7), 48);
}

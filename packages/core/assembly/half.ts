// Binary16, by integer arithmetic: the same bits as the WGSL bodies and src/tensor/float16.ts give. Four numbers at a time.

/** f32 bits -> f16 bits, to nearest even; low half of each lane. */
// @ts-ignore: decorator
@inline
export function toHalf(x: v128): v128 {
  const sign = i32x4.shr_u(v128.and(x, i32x4.splat(<i32>0x80000000)), 16);
  const a = v128.and(x, i32x4.splat(0x7fffffff));
  const normal = i32x4.shr_u(
    i32x4.sub(i32x4.add(a, i32x4.add(i32x4.splat(0xfff), v128.and(i32x4.shr_u(a, 13), i32x4.splat(1)))), i32x4.splat(0x38000000)), 13);
  // Below 2^-14 the result is a multiple of 2^-24: adding 0.5 puts that bit last, and the adder rounds (to nearest even in WebAssembly).
  const half = f32x4.splat(0.5);
  const small = i32x4.sub(f32x4.add(a, half), half);
  let y = v128.bitselect(small, normal, i32x4.lt_s(a, i32x4.splat(0x38800000)));
  y = v128.bitselect(i32x4.splat(0x7c00), y, i32x4.ge_s(a, i32x4.splat(0x477ff000)));
  y = v128.bitselect(i32x4.splat(0x7e00), y, i32x4.gt_s(a, i32x4.splat(0x7f800000)));
  return v128.or(y, sign);
}

/** f16 bits in the low half of each lane (the high half zero) -> f32, exactly. */
// @ts-ignore: decorator
@inline
export function fromHalf(h: v128): v128 {
  const sign = i32x4.shl(v128.and(h, i32x4.splat(0x8000)), 16);
  const a = i32x4.shl(v128.and(h, i32x4.splat(0x7fff)), 13);
  // As a binary32 with a wrong exponent: multiplying by 2^112 corrects it, subnormals included.
  const scaled = f32x4.mul(a, f32x4.splat(<f32>5.192296858534828e33));
  const special = v128.or(a, i32x4.splat(0x7f800000));
  const y = v128.bitselect(special, scaled, i32x4.ge_s(a, i32x4.splat(0x0f800000)));
  return v128.or(y, sign);
}

/** Loads four halves as f32. */
// @ts-ignore: decorator
@inline
export function loadHalf4(address: usize): v128 {
  return fromHalf(v128.load_ext<u16>(address));
}

/** Stores four f32 as halves. */
// @ts-ignore: decorator
@inline
export function storeHalf4(address: usize, x: v128): void {
  const h = toHalf(x);
  v128.store_lane<u64>(address, i16x8.narrow_i32x4_u(h, h), 0);
}

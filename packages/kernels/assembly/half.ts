/** The f16 bits of x, rounded to nearest, ties to even; beyond the range infinity. */
export function toHalf(x: f32): u32 {
  const bits = reinterpret<u32>(x), sign = (bits >> 16) & 0x8000, size = bits & 0x7fffffff;
  if (size >= 0x47800000) return sign | (size > 0x7f800000 ? 0x7e00 : 0x7c00); // from 65,536 on; NaN
  if (size < 0x38800000) return sign | (reinterpret<u32>(reinterpret<f32>(size) + <f32>0.5) - 0x3f000000); // subnormal: the sum rounds
  return sign | ((size + 0xc8000fff + ((size >> 13) & 1)) >> 13);
}

/** `size` f16 values, a multiple of four, as f32. */
export function widenHalves(from: usize, to: usize, size: i32): void {
  // Exponents are moved by a product, which turns f16's subnormals into normal numbers.
  const rebias = f32x4.splat(5.192296858534828e33), magnitude = i32x4.splat(0x7fff), greatest = i32x4.splat(0x7bff), infinite = i32x4.splat(0x7f800000);
  for (const end = from + (<usize>size << 1); from < end; from += 8, to += 16) {
    const h = v128.load16x4_u(from), m = v128.and(h, magnitude);
    const x = v128.or(f32x4.mul(i32x4.shl(m, 13), rebias), v128.and(i32x4.gt_s(m, greatest), infinite));
    v128.store(to, v128.or(x, i32x4.shl(v128.andnot(h, magnitude), 16)));
  }
}

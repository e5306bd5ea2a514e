// SIMD building blocks shared by all kernels. Everything here is inlined; nothing allocates.

/** a·b + c. One rounding in the relaxed build (fused multiply-add), two in the portable one. */
// @ts-ignore: decorator
@inline
export function fma(a: v128, b: v128, c: v128): v128 {
  // @ts-ignore: RELAXED is an integer constant given by the build (--use RELAXED=0|1); the other arm is not compiled.
  if (RELAXED) return f32x4.relaxed_madd(a, b, c);
  else return f32x4.add(f32x4.mul(a, b), c);
}

// @ts-ignore: decorator
@inline
export function roundUp(x: i32, multiple: i32): i32 {
  return ((x + multiple - 1) / multiple) * multiple;
}

/** Sum of the four lanes. */
// @ts-ignore: decorator
@inline
export function sum4(x: v128): f32 {
  const pair = f32x4.add(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.add(pair, v128.shuffle<i32>(pair, pair, 1, 0, 3, 2)), 0);
}

/** Writes the transpose of four row vectors a, b, c, d: column i goes to dst + i·stride bytes. */
// @ts-ignore: decorator
@inline
export function storeTransposed(a: v128, b: v128, c: v128, d: v128, dst: usize, stride: usize): void {
  const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5); // a0 b0 a1 b1
  const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const cd1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(dst, v128.shuffle<i32>(ab0, cd0, 0, 1, 4, 5));
  v128.store(dst + stride, v128.shuffle<i32>(ab0, cd0, 2, 3, 6, 7));
  v128.store(dst + stride * 2, v128.shuffle<i32>(ab1, cd1, 0, 1, 4, 5));
  v128.store(dst + stride * 3, v128.shuffle<i32>(ab1, cd1, 2, 3, 6, 7));
}

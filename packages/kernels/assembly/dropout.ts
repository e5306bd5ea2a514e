import { ITEM_QUADS } from "./activation";
import { DROPOUT_DOMAIN, philox4x32 } from "./philox";
import { storeTransposed } from "./simd";

/**
 * y[e] = keep[e] ? x[e]·scale : 0, keep iff word e mod 4 of philox((group lo, group hi, stream, 0x0D120), seed) >= threshold, where
 * group = first + e/4 and first is a multiple of 4 (so that four groups share their high word). Scratch: 128 bytes.
 * Words: x, y, quads, first lo, first hi, stream, seed lo, seed hi, threshold, scale.
 */
export function dropoutF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params, 0), y = load<usize>(params, 4), quads = load<i32>(params, 8);
  const first = <u64>load<u32>(params, 12) | (<u64>load<u32>(params, 16) << 32), stream = load<i32>(params, 20);
  const seedLo = load<i32>(params, 24), seedHi = load<i32>(params, 28);
  const bound = i32x4.splat(load<i32>(params, 32)), scale = f32x4.splat(load<f32>(params, 36));
  const words = scratch + 64;
  const last = min(quads, end * ITEM_QUADS);
  for (let q = begin * ITEM_QUADS; q < last; q += 4) {
    const group = first + <u64>q;
    philox4x32(<i32>group, 1, <i32>(group >> 32), stream, DROPOUT_DOMAIN, seedLo, seedHi, scratch);
    storeTransposed(v128.load(scratch), v128.load(scratch, 16), v128.load(scratch, 32), v128.load(scratch, 48), words, 16);
    const inside = min(4, last - q);
    for (let i = 0; i < inside; i++) {
      const at = <usize>(q + i) << 4;
      const keep = i32x4.ge_u(v128.load(words + (<usize>i << 4)), bound);
      v128.store(y + at, v128.and(keep, f32x4.mul(v128.load(x + at), scale)));
    }
  }
}

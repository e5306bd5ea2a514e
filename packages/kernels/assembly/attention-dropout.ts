import { philox4x32 } from "./philox";

/**
 * Zeroes the dropped entries of a panel p[key][8 queries] in place: the queries are at positions t, t + step, ..., the
 * keys at those listed. `work` is 128 bytes.
 *
 * `marked`, when given, is a second panel (weights >= 0) whose dropped entries get their sign bit set instead: the
 * backward pass needs the weight both with and without dropout.
 */
export function dropPanel(
  p: usize, marked: usize, keys: i32, positions: usize, t: i32, step: i32, stream: i32, threshold: i32,
  seedLo: i32, seedHi: i32, domain: i32, work: usize,
): void {
  const bound = i32x4.splat(threshold), sign = i32x4.splat(<i32>0x80000000);
  let block = -1;
  for (let i = 0; i < keys; i++, p += 32, positions += 4) {
    const u = load<i32>(positions);
    // One Philox block serves four neighbouring keys, which come in a row where the step is 1.
    if (i == 0 || <i32>(<u32>u >> 2) != block) {
      block = <i32>(<u32>u >> 2);
      philox4x32(t, step, block, stream, domain, seedLo, seedHi, work);
      philox4x32(t + 4 * step, step, block, stream, domain, seedLo, seedHi, work + 64);
    }
    const word = work + (<usize>(u & 3) << 4);
    const keep0 = i32x4.ge_u(v128.load(word), bound), keep1 = i32x4.ge_u(v128.load(word, 64), bound);
    v128.store(p, v128.and(v128.load(p), keep0));
    v128.store(p, v128.and(v128.load(p, 16), keep1), 16);
    if (marked) {
      v128.store(marked, v128.or(v128.load(marked), v128.andnot(sign, keep0)));
      v128.store(marked, v128.or(v128.load(marked, 16), v128.andnot(sign, keep1)), 16);
      marked += 32;
    }
  }
}

// Random tensors: see src/ops/random.ts. Scratch: 64 bytes, the words of four groups of four elements.
import { endQuad, firstQuad } from "./flat";
import { philox4x32 } from "./philox";

/**
 * y in [0, 1). Words: y, seedLow, seedHigh, stream, domain, first, firstHigh, quads; four groups share their high word,
 * as first is a multiple of 4 wherever it passes 2^32 - 4.
 */
export function randomUniform(params: usize, begin: i32, end: i32, scratch: usize): void {
  const y = load<usize>(params), seedLow = load<i32>(params, 4), seedHigh = load<i32>(params, 8), stream = load<i32>(params, 12);
  const domain = load<i32>(params, 16);
  const first = <u64>load<u32>(params, 20) | (<u64>load<u32>(params, 24) << 32), last = endQuad(end, load<i32>(params, 28));
  for (let q = firstQuad(begin); q < last; q += 4) {
    const group = first + <u64>q;
    philox4x32(<i32>group, <i32>(group >> 32), stream, domain, seedLow, seedHigh, scratch);
    for (let i: usize = 0; i < 4 && q + i < last; i++) {
      const bits = i32x4.shr_u(v128.load(scratch + i * 16), 8);
      v128.store(y + (q + i) * 16, f32x4.mul(f32x4.convert_i32x4_s(bits), f32x4.splat(1.0 / 16777216.0)));
    }
  }
}

/** Normal samples. Words: table, y, seedLow, seedHigh, stream, domain, first, firstHigh, quads, mean, std. */
export function randomNormal(params: usize, begin: i32, end: i32, scratch: usize): void {
  const table = load<usize>(params), y = load<usize>(params, 4);
  const seedLow = load<i32>(params, 8), seedHigh = load<i32>(params, 12), stream = load<i32>(params, 16);
  const domain = load<i32>(params, 20);
  const first = <u64>load<u32>(params, 24) | (<u64>load<u32>(params, 28) << 32), last = endQuad(end, load<i32>(params, 32));
  const mean = load<f32>(params, 36), std = load<f32>(params, 40);
  for (let q = firstQuad(begin); q < last; q += 4) {
    const group = first + <u64>q;
    philox4x32(<i32>group, <i32>(group >> 32), stream, domain, seedLow, seedHigh, scratch);
    for (let i: usize = 0; i < 4 && q + i < last; i++) {
      const words = scratch + i * 16;
      const units = i32x4(
        normalUnits(table, load<u32>(words)), normalUnits(table, load<u32>(words, 4)), normalUnits(table, load<u32>(words, 8)), normalUnits(table, load<u32>(words, 12)));
      let z = f32x4.mul(f32x4.convert_i32x4_s(units), f32x4.splat(1.0 / 2097152.0));
      if (std != 1) z = f32x4.mul(z, f32x4.splat(std));
      if (mean != 0) z = f32x4.add(z, f32x4.splat(mean));
      v128.store(y + (q + i) * 16, z);
    }
  }
}

/** A quantile in units of 2^-21: see src/random/normal.wgsl. */
// @ts-ignore: decorator
@inline
function normalUnits(table: usize, bits: u32): i32 {
  const p = (bits << 1) | 1;
  const octave = clz(p);
  const y = p << octave;
  const at = table + <usize>(octave * 65 + ((y >> 25) & 63)) * 4;
  const t = <i32>((y >> 9) & 0xffff);
  const low = load<i32>(at);
  const z = low + (((load<i32>(at, 4) - low) * t + 0x8000) >> 16);
  return bits >> 31 ? -z : z;
}

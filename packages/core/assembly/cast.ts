// dtype conversions over groups of four elements. Words: x, y, quads.
import { endQuad, firstQuad } from "./flat";
import { loadHalf4, storeHalf4 } from "./half";

/** f32 -> f16, to nearest even. */
export function castF32F16(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params), y = load<usize>(params, 4), last = endQuad(end, load<i32>(params, 8));
  for (let i = firstQuad(begin); i < last; i++) storeHalf4(y + i * 8, v128.load(x + i * 16));
}

/** f16 -> f32, exactly. */
export function castF16F32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params), y = load<usize>(params, 4), last = endQuad(end, load<i32>(params, 8));
  for (let i = firstQuad(begin); i < last; i++) v128.store(y + i * 16, loadHalf4(x + i * 8));
}

/** i32 -> f32, to nearest even. */
export function castI32F32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params), y = load<usize>(params, 4), last = endQuad(end, load<i32>(params, 8)) * 16;
  for (let i = firstQuad(begin) * 16; i < last; i += 16) v128.store(y + i, f32x4.convert_i32x4_s(v128.load(x + i)));
}

/** u32 -> f32, to nearest even. */
export function castU32F32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params), y = load<usize>(params, 4), last = endQuad(end, load<i32>(params, 8)) * 16;
  for (let i = firstQuad(begin) * 16; i < last; i += 16) v128.store(y + i, f32x4.convert_i32x4_u(v128.load(x + i)));
}

/** f32 -> i32, towards zero; out of range saturates. */
export function castF32I32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params), y = load<usize>(params, 4), last = endQuad(end, load<i32>(params, 8)) * 16;
  for (let i = firstQuad(begin) * 16; i < last; i += 16) v128.store(y + i, i32x4.trunc_sat_f32x4_s(v128.load(x + i)));
}

/** f32 -> u32, towards zero; out of range saturates. */
export function castF32U32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params), y = load<usize>(params, 4), last = endQuad(end, load<i32>(params, 8)) * 16;
  for (let i = firstQuad(begin) * 16; i < last; i += 16) v128.store(y + i, i32x4.trunc_sat_f32x4_u(v128.load(x + i)));
}

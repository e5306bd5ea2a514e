// Elementwise kernels over groups of four elements. An item is ITEM groups, as in src/ops/windows.ts.
import { loadHalf4, storeHalf4 } from "./half";

const ITEM: i32 = 1024;

// @ts-ignore: decorator
@inline
export function firstQuad(begin: i32): usize {
  return <usize>(begin * ITEM);
}

// @ts-ignore: decorator
@inline
export function endQuad(end: i32, quads: i32): usize {
  return <usize>min(end * ITEM, quads);
}

/** y = value. Words: y, value, quads. */
export function fill32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const y = load<usize>(params), value = i32x4.splat(load<i32>(params, 4)), quads = load<i32>(params, 8);
  const last = y + endQuad(end, quads) * 16;
  for (let at = y + firstQuad(begin) * 16; at < last; at += 16) v128.store(at, value);
}

/** f16 y = value (f32). Words: y, value, quads. */
export function fill16(params: usize, begin: i32, end: i32, scratch: usize): void {
  const y = load<usize>(params), value = f32x4.splat(load<f32>(params, 4)), quads = load<i32>(params, 8);
  const last = y + endQuad(end, quads) * 8;
  for (let at = y + firstQuad(begin) * 8; at < last; at += 8) storeHalf4(at, value);
}

/** y = a + b. Words: a, b, y, quads. */
export function add32(params: usize, begin: i32, end: i32, scratch: usize): void {
  sum32(load<usize>(params), load<usize>(params, 4), load<usize>(params, 8), firstQuad(begin), endQuad(end, load<i32>(params, 12)));
}

/** y += b. Words: y, b, quads. */
export function addInPlace32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const y = load<usize>(params);
  sum32(y, load<usize>(params, 4), y, firstQuad(begin), endQuad(end, load<i32>(params, 8)));
}

/** f16 y = a + b. Words: a, b, y, quads. */
export function add16(params: usize, begin: i32, end: i32, scratch: usize): void {
  sum16(load<usize>(params), load<usize>(params, 4), load<usize>(params, 8), firstQuad(begin), endQuad(end, load<i32>(params, 12)));
}

/** f16 y += b. Words: y, b, quads. */
export function addInPlace16(params: usize, begin: i32, end: i32, scratch: usize): void {
  const y = load<usize>(params);
  sum16(y, load<usize>(params, 4), y, firstQuad(begin), endQuad(end, load<i32>(params, 8)));
}

function sum32(a: usize, b: usize, y: usize, from: usize, to: usize): void {
  for (let i = from * 16; i < to * 16; i += 16) v128.store(y + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
}

function sum16(a: usize, b: usize, y: usize, from: usize, to: usize): void {
  for (let i = from * 8; i < to * 8; i += 8) storeHalf4(y + i, f32x4.add(loadHalf4(a + i), loadHalf4(b + i)));
}

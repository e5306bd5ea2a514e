import { curve4, ITEM_QUADS, slope4 } from "./activation";

/** y = value·f(gate). Words: value, gate, y, quads, op. */
export function gluF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const value = load<usize>(params, 0), gate = load<usize>(params, 4), y = load<usize>(params, 8);
  const quads = load<i32>(params, 12), op = load<i32>(params, 16);
  const last = <usize>min(quads, end * ITEM_QUADS) << 4;
  for (let at = <usize>(begin * ITEM_QUADS) << 4; at < last; at += 16) {
    v128.store(y + at, f32x4.mul(v128.load(value + at), curve4(op, v128.load(gate + at), 1)));
  }
}

/** dvalue = dy·f(gate), dgate = dy·value·f'(gate); either may be left out. Words: value, gate, dy, dvalue, dgate, quads, op. */
export function gluBackwardF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  const value = load<usize>(params, 0), gate = load<usize>(params, 4), dy = load<usize>(params, 8);
  const dvalue = load<usize>(params, 12), dgate = load<usize>(params, 16);
  const quads = load<i32>(params, 20), op = load<i32>(params, 24);
  const last = <usize>min(quads, end * ITEM_QUADS) << 4;
  for (let at = <usize>(begin * ITEM_QUADS) << 4; at < last; at += 16) {
    const g = v128.load(gate + at), d = v128.load(dy + at);
    if (dvalue) v128.store(dvalue + at, f32x4.mul(d, curve4(op, g, 1)));
    if (dgate) v128.store(dgate + at, f32x4.mul(f32x4.mul(d, v128.load(value + at)), slope4(op, g, 1)));
  }
}

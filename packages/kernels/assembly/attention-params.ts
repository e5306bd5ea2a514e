// What the attention kernels share: how a head finds its rows in a branch, and where the common words are read.

/** s(h): modulo (0), block (1) or one explicit offset (2). */
// @ts-ignore: decorator
@inline
export function headOffset(mode: i32, explicit: i32, h: i32, H: i32, r: i32): i32 {
  if (mode == 0) return h % r;
  if (mode == 1) return h / ((H + r - 1) / r);
  return explicit;
}

/** Tokens of a segment of `length` that a head with offset s takes: s, s + r, ... */
// @ts-ignore: decorator
@inline
export function rowsOfHead(length: i32, s: i32, r: i32): i32 {
  return s < length ? (length - s + r - 1) / r : 0;
}

/** Whether the key at token index `at` (b·N + u) may be attended to. The mask holds bytes or 32-bit words, 0 = excluded. */
// @ts-ignore: decorator
@inline
export function keyAllowed(mask: usize, maskBytes: i32, at: usize): bool {
  return maskBytes == 1 ? load<u8>(mask + at) != 0 : load<u32>(mask + at * 4) != 0;
}

/** Moves bytes. Words: from, to, bytes, bytes an item. */
export function copyBytes(params: usize, begin: i32, end: i32, scratch: usize): void {
  const from = load<usize>(params), to = load<usize>(params, 4), bytes = load<usize>(params, 8), grain = load<usize>(params, 12);
  const first = <usize>begin * grain;
  // `end·grain` may pass 2^32 in the last item; the length left does not.
  const length = min(<usize>(end - begin) * grain, bytes - first);
  memory.copy(to + first, from + first, length);
}

/**
 * y[t] = table[ids[t]]. Words: table, ids, y | quads, columns, first_row, rows, vocab, row_bytes | missing. An item is a token.
 * Rows are copied as bytes, so f16 and f32 are alike; all ones is NaN in both.
 */
export function embeddingGather(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const table = load<usize>(params), ids = load<usize>(params, 4), y = load<usize>(params, 8);
  const first = load<u32>(params, 20), rows = load<u32>(params, 24), vocab = load<u32>(params, 28), bytes = load<usize>(params, 32);
  for (let t = begin; t < end; t++) {
    const id = load<u32>(ids + ((<usize>t) << 2));
    const to = y + <usize>t * bytes;
    if (id >= vocab) memory.fill(to, 0xff, bytes);
    else if (id - first < rows) memory.copy(to, table + <usize>(id - first) * bytes, bytes);
  }
}

/**
 * sums[v] = sum of grad[t] over tokens of id v, in token order. Words: grad, ids, sums | first_row, rows, block,
 * tokens, chunk, columns, accumulate, width. An item owns 16 of `width` channels of every row: threads never meet, and
 * the order of additions is that of the tokens.
 */
export function embeddingScatter(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const grad = load<usize>(params), ids = load<usize>(params, 4), sums = load<usize>(params, 8);
  const vocabFirst = load<u32>(params, 12), rows = load<u32>(params, 16), tokens = load<i32>(params, 24);
  const accumulate = load<i32>(params, 36), bytes = load<usize>(params, 40) << 2;
  for (let item = begin; item < end; item++) {
    const first = (<usize>item) << 6, width = min(<usize>64, bytes - first), whole = width & ~15;
    for (let v: u32 = 0; v < rows && !accumulate; v++) memory.fill(sums + first + <usize>v * bytes, 0, width);
    for (let t = 0; t < tokens; t++) {
      const id = load<u32>(ids + ((<usize>t) << 2)) - vocabFirst; // wraps to a large number below the window
      if (id >= rows) continue;
      const from = grad + first + <usize>t * bytes, to = sums + first + <usize>id * bytes;
      for (let i: usize = 0; i < whole; i += 16) v128.store(to + i, f32x4.add(v128.load(to + i), v128.load(from + i)));
      for (let i = whole; i < width; i += 4) store<f32>(to + i, load<f32>(to + i) + load<f32>(from + i));
    }
  }
}

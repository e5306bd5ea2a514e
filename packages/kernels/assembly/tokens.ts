/**
 * targets[b, n] = labels[b, n + 1], or `ignored` where the next token starts another document, or where either of the
 * two is padding.
 * Words: labels, starts, mask, targets | length, rows, masked, foreign, ignored. An item is a sample.
 */
export function nextTokens(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const labels = load<usize>(params), starts = load<usize>(params, 4), mask = load<usize>(params, 8), targets = load<usize>(params, 12);
  const N = load<i32>(params, 16), M = load<i32>(params, 24), foreign = load<i32>(params, 28), ignored = load<i32>(params, 32);
  for (let b = begin; b < end; b++) {
    const row = mask + ((<usize>b * M) << 2), from = labels + ((<usize>b * (N + 1)) << 2), to = targets + ((<usize>b * N) << 2);
    for (let n = 0; n < N; n++) {
      let label = load<i32>(from + ((<usize>n + 1) << 2));
      if (label == foreign) label = ignored;
      if (starts && load<u32>(starts + ((<usize>n + 1) << 2)) != 0) label = ignored;
      if (mask && (load<u32>(row + ((<usize>n) << 2)) == 0 || load<u32>(row + ((<usize>min(n + 1, M - 1)) << 2)) == 0)) label = ignored;
      store<i32>(to + ((<usize>n) << 2), label);
    }
  }
}

/**
 * shares[b, n] = 1 / (tokens of sample b that count) where token n counts, else 0; `missing` where none does. Words:
 * mask, shares | length | missing. An item is a sample.
 */
export function tokenShares(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const mask = load<usize>(params), shares = load<usize>(params, 4), N = load<i32>(params, 8), missing = load<f32>(params, 12);
  for (let b = begin; b < end; b++) {
    const from = mask + ((<usize>b * N) << 2), to = shares + ((<usize>b * N) << 2);
    let count: i32 = 0;
    for (let n = 0; n < N; n++) count += load<u32>(from + ((<usize>n) << 2)) != 0 ? 1 : 0;
    const share = count > 0 ? <f32>1 / <f32>count : missing;
    for (let n = 0; n < N; n++) store<f32>(to + ((<usize>n) << 2), count == 0 || load<u32>(from + ((<usize>n) << 2)) != 0 ? share : 0);
  }
}

/**
 * y[t, e] = shares[t] · x[t, e], and 0 where the share is 0, whatever x is. Words: x, shares, y | elements, width. An
 * item is a token.
 */
export function weighTokens(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const x = load<usize>(params), shares = load<usize>(params, 4), y = load<usize>(params, 8), E = load<i32>(params, 16);
  for (let t = begin; t < end; t++) {
    const share = load<f32>(shares + ((<usize>t) << 2)), row = (<usize>t * E) << 2;
    for (let e = 0; e < E; e++) {
      const at = row + ((<usize>e) << 2);
      store<f32>(y + at, share == 0 ? 0 : share * load<f32>(x + at));
    }
  }
}

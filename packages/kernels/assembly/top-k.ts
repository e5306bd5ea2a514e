/** Numbers of one work item of putAtF32; PUT_ITEM of src/top-k/top-k.ts. */
const PUT_ITEM: i32 = 1024;

/** Does a come before b in descending order? A NaN comes before all. */
// @ts-ignore: decorator
@inline
function before(a: f32, b: f32): bool {
  return a > b || (a != a && b == b);
}

/**
 * The k largest of each line x[o, ·, i], largest first, and where they are; of equal ones the first comes first. Words:
 * x, y, at | n, k, inner. An item is a line, whose results are kept in order while it is gone through.
 */
export function topKF32(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const x = load<usize>(params), y = load<usize>(params, 4), at = load<usize>(params, 8);
  const n = load<u32>(params, 12), k = load<u32>(params, 16), inner = load<u32>(params, 20), step = <usize>inner << 2;
  for (let item = <u32>begin; item < <u32>end; item++) {
    const o = item / inner, i = item % inner;
    const line = x + (<usize>(o * n * inner + i) << 2), out = <usize>(o * k * inner + i) << 2;
    let held: u32 = 0;
    for (let j: u32 = 0; j < n; j++) {
      const value = load<f32>(line + j * step);
      if (held == k && !before(value, load<f32>(y + out + (k - 1) * step))) continue;
      let r = held < k ? held++ : k - 1;
      for (; r > 0; r--) {
        const above = y + out + (r - 1) * step;
        if (!before(value, load<f32>(above))) break;
        store<f32>(above + step, load<f32>(above));
        store<u32>(at + out + r * step, load<u32>(at + out + (r - 1) * step));
      }
      store<f32>(y + out + r * step, value);
      store<u32>(at + out + r * step, j);
    }
  }
}

/** dx[o, at[o, r, i], i] = dy[o, r, i]. Words: dy, at, dx | n, k, inner, count. An item is PUT_ITEM numbers. */
export function putAtF32(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const dy = load<usize>(params), at = load<usize>(params, 4), dx = load<usize>(params, 8);
  const n = load<u32>(params, 12), k = load<u32>(params, 16), inner = load<u32>(params, 20);
  const last = min(load<u32>(params, 24), <u32>end * PUT_ITEM);
  for (let e = <u32>begin * PUT_ITEM; e < last; e++) {
    const place = <usize>e << 2, to = (e / inner / k * n + load<u32>(at + place)) * inner + e % inner;
    store<f32>(dx + (<usize>to << 2), load<f32>(dy + place));
  }
}

/** Elements of one work item; ITEM of src/shape/move.ts. */
const MOVE_ITEM: i32 = 4096;
/** Axes of a grid. */
const AXES: i32 = 6;

/**
 * y[to + Σ c·to_d] = x[from + Σ c·from_d] for every place c of a grid of six axes, axis 0 the innermost. Words: x, y |
 * count, bytes an element, first from, first to, six n, six distances in x, six in y. An item is MOVE_ITEM places, done
 * in runs along axis 0.
 */
export function moveElements(params: usize, begin: i32, end: i32, _scratch: usize): void {
  const x = load<usize>(params), y = load<usize>(params, 4), width = load<u32>(params, 12);
  const last = min(load<u32>(params, 8), <u32>end * MOVE_ITEM), table = params + 24;
  const n0 = load<u32>(table), step = <usize>load<u32>(table, 24) * width, stride = <usize>load<u32>(table, 48) * width;
  let e = <u32>begin * MOVE_ITEM;
  while (e < last) {
    let rest = e / n0, from = <usize>load<u32>(params, 16), to = <usize>load<u32>(params, 20);
    const c = e % n0, run = min(last - e, n0 - c);
    for (let d = 1; d < AXES; d++) {
      const axis = table + (<usize>d << 2), n = load<u32>(axis), at = rest % n;
      from += at * load<u32>(axis, 24);
      to += at * load<u32>(axis, 48);
      rest /= n;
    }
    const source = x + from * width + c * step, target = y + to * width + c * stride;
    if (step == width && stride == width) memory.copy(target, source, run * width);
    else if (width == 4) {
      for (let i: usize = 0; i < run; i++) store<u32>(target + i * stride, load<u32>(source + i * step));
    } else {
      for (let i: usize = 0; i < run; i++) store<u16>(target + i * stride, load<u16>(source + i * step));
    }
    e += run;
  }
}

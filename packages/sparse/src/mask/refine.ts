import type { Machine } from "../interval/machine.ts";

/** What a stretch of blocks is: nothing of it is seen, some as far as is known, or all. */
export const EMPTY = 0;
export const PARTIAL = 1;
export const FULL = 2;

/** Stretches of columns, strip of rows by strip, in units of blocks; full ones may be long, others are of one cell. */
export interface Strips {
  /** Behind the last stretch of each strip. */
  readonly ends: Uint32Array;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly kind: Uint8Array;
}

/** Sizes of what is classified: queries, keys, and tokens of a block. */
export interface Grid {
  readonly N: number;
  readonly M: number;
  readonly blockSize: number;
}

/**
 * Stretches of single rows of blocks, found from coarse to fine: a box of queries and keys in which the condition is
 * bounded to be true or false is done, whatever its size; others are cut in four. Time and memory are linear in the
 * blocks that are kept and those at the edges between.
 */
export function refine(machine: Machine, grid: Grid): Strips {
  const { N, M, blockSize } = grid;
  const [rows, columns] = [Math.ceil(N / blockSize), Math.ceil(M / blockSize)];
  let size = 2 ** Math.ceil(Math.log2(Math.max(rows, columns)));
  let strips: Strips = {
    ends: Uint32Array.of(1),
    from: Uint32Array.of(0),
    to: Uint32Array.of(columns),
    kind: Uint8Array.of(PARTIAL),
  };
  classify(machine, grid, strips, size);
  strips = joined(strips);
  while (size > 1) {
    size /= 2;
    strips = split(strips, size, rows, columns);
    classify(machine, grid, strips, size);
    strips = joined(strips);
  }
  return strips;
}

/** Every strip cut in two, and every cell that is not known. */
function split({ ends, from, to, kind }: Strips, size: number, rows: number, columns: number): Strips {
  const strips = Math.ceil(rows / size);
  const most = 4 * kind.length;
  const next = {
    ends: new Uint32Array(strips),
    from: new Uint32Array(most),
    to: new Uint32Array(most),
    kind: new Uint8Array(most),
  };
  let count = 0;
  const push = (begin: number, end: number, kindOf: number): void => {
    next.from[count] = begin;
    next.to[count] = end;
    next.kind[count++] = kindOf;
  };
  for (let strip = 0; strip < strips; strip++) {
    const parent = strip >> 1;
    for (let i = parent > 0 ? (ends[parent - 1] as number) : 0; i < (ends[parent] as number); i++) {
      const [begin, end, kindOf] = [from[i] as number, to[i] as number, kind[i] as number];
      if (kindOf === FULL) push(begin, end, FULL);
      else
        for (let column = begin; column < end; column += size) push(column, Math.min(column + size, columns), PARTIAL);
    }
    next.ends[strip] = count;
  }
  const { from: f, to: t, kind: k } = next;
  return { ends: next.ends, from: f.subarray(0, count), to: t.subarray(0, count), kind: k.subarray(0, count) };
}

/** Finds what the partial ones are as far as bounds tell, and writes it into `kind`. */
function classify(machine: Machine, grid: Grid, { ends, from, to, kind }: Strips, size: number): void {
  const asked = new Uint32Array(machine.batch);
  const { low, high } = machine.value;
  let count = 0;
  const flush = (): void => {
    machine.run(count);
    for (let i = 0; i < count; i++) kind[asked[i] as number] = (low[i] as number) + (high[i] as number);
    count = 0;
  };
  for (let strip = 0, i = 0; strip < ends.length; strip++) {
    for (; i < (ends[strip] as number); i++) {
      if (kind[i] !== PARTIAL) continue;
      askBox(machine, grid, count, strip * size, (strip + 1) * size, from[i] as number, to[i] as number);
      asked[count++] = i;
      if (count === machine.batch) flush();
    }
  }
  flush();
}

/** Sets a box of the machine to blocks of rows and columns, as far as there are tokens. */
function askBox(
  { q, k }: Machine,
  { N, M, blockSize }: Grid,
  at: number,
  row: number,
  rowEnd: number,
  column: number,
  columnEnd: number,
): void {
  q.low[at] = row * blockSize;
  q.high[at] = Math.min(N, rowEnd * blockSize) - 1;
  k.low[at] = column * blockSize;
  k.high[at] = Math.min(M, columnEnd * blockSize) - 1;
}

/** Without the empty ones, and full ones that touch as one. */
export function joined({ ends, from, to, kind }: Strips): Strips {
  let count = 0;
  for (let strip = 0, i = 0; strip < ends.length; strip++) {
    const begin = count;
    for (; i < (ends[strip] as number); i++) {
      if (kind[i] === EMPTY) continue;
      if (kind[i] === FULL && count > begin && kind[count - 1] === FULL && to[count - 1] === from[i]) {
        to[count - 1] = to[i] as number;
        continue;
      }
      from[count] = from[i] as number;
      to[count] = to[i] as number;
      kind[count++] = kind[i] as number;
    }
    ends[strip] = count;
  }
  return { ends, from: from.subarray(0, count), to: to.subarray(0, count), kind: kind.subarray(0, count) };
}

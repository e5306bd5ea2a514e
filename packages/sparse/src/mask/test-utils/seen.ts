import { type Closure, closureOf } from "../../expression/closure.ts";
import type { BlockMask } from "../block-mask.ts";

/** Does a query see a key, by the lists of a mask and its condition in partial blocks: the definition. */
export function seenBy(mask: BlockMask): (b: number, h: number, q: number, k: number) => boolean {
  const { B, H, N, M, rows, blockSize, offsets, blocks, partial, keep } = mask;
  const closure: Closure | undefined = keep && closureOf(keep, { qLength: N, kLength: M });
  return (b, h, q, k) => {
    const list = ((b % B) * H + (h % H)) * rows + Math.floor(q / blockSize);
    for (let at = offsets[list] as number; at < (offsets[list + 1] as number); at++) {
      if (blocks[at] !== Math.floor(k / blockSize)) continue;
      return partial[at] === 0 || closure?.({ b, h, q, k }) === 1;
    }
    return false;
  };
}

/** Pairs at which a mask is not what it should be, and blocks that are not what they are called. */
export function faultsOf(
  mask: BlockMask,
  expected: (b: number, h: number, q: number, k: number) => boolean,
  { B = mask.B, H = mask.H }: { readonly B?: number; readonly H?: number } = {},
): string[] {
  const { N, M, rows, columns, blockSize, offsets, blocks, partial } = mask;
  const faults: string[] = [];
  const seen = seenBy(mask);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const counts = new Uint32Array(rows * columns);
      for (let q = 0; q < N; q++) {
        for (let k = 0; k < M; k++) {
          const right = expected(b, h, q, k);
          const cell = Math.floor(q / blockSize) * columns + Math.floor(k / blockSize);
          if (right) counts[cell] = (counts[cell] as number) + 1;
          if (seen(b, h, q, k) !== right) faults.push(`${b} ${h} ${q} ${k}: ${!right} in place of ${right}`);
        }
      }
      faults.push(...kindFaults(counts, (b % mask.B) * mask.H + (h % mask.H)));
    }
  }
  return faults.slice(0, 5);

  function kindFaults(counts: Uint32Array, part: number): string[] {
    return Array.from({ length: rows * columns }, (_, cell) => cell).flatMap((cell) => {
      const [row, column] = [Math.floor(cell / columns), cell % columns];
      const list = part * rows + row;
      const at = blocks.subarray(offsets[list], offsets[list + 1]).indexOf(column);
      const kind = at < 0 ? "empty" : partial[(offsets[list] as number) + at] ? "partial" : "full";
      const pairs =
        (Math.min(N, (row + 1) * blockSize) - row * blockSize) *
        (Math.min(M, (column + 1) * blockSize) - column * blockSize);
      const right = counts[cell] === 0 ? "empty" : counts[cell] === pairs ? "full" : "partial";
      return kind === right ? [] : [`block ${row}, ${column} is called ${kind}, and is ${right}`];
    });
  }
}

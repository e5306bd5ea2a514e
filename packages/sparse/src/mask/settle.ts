import type { Closure } from "../expression/closure.ts";
import type { Machine } from "../interval/machine.ts";
import { EMPTY, FULL, type Grid, PARTIAL } from "./refine.ts";

/** Blocks that bounds say nothing of, by row and column. */
export interface Cells {
  readonly row: Uint32Array;
  readonly column: Uint32Array;
}

/** Boxes of so few pairs are looked at pair by pair. */
const FEW = 16;

/**
 * What single blocks are: their outer corners are asked first, which tells most of those on an edge; the rest are cut
 * further, until both a pair that is seen and one that is not are found, down to pairs. Time is linear in the blocks,
 * but for blocks that are empty or full and whose condition bounds tell nothing of.
 */
export function settle(machine: Machine, closure: Closure, grid: Grid, cells: Cells): Uint8Array {
  const count = cells.row.length;
  const kinds = new Uint8Array(count).fill(PARTIAL);
  const rest: number[] = [];
  const half = machine.batch / 2;
  const { low, high } = machine.value;
  for (let begin = 0; begin < count; begin += half) {
    const end = Math.min(count, begin + half);
    for (let i = begin; i < end; i++) {
      askCorners(machine, grid, 2 * (i - begin), cells.row[i] as number, cells.column[i] as number);
    }
    machine.run(2 * (end - begin));
    for (let i = begin; i < end; i++) {
      const at = 2 * (i - begin);
      const known = low[at] === high[at] && low[at + 1] === high[at + 1];
      if (!known || low[at] === low[at + 1]) rest.push(i);
    }
  }
  for (const i of rest)
    kinds[i] = searched(machine, closure, boxOf(grid, cells.row[i] as number, cells.column[i] as number));
  return kinds;
}

type Box = readonly [q0: number, q1: number, k0: number, k1: number];

function boxOf({ N, M, blockSize }: Grid, row: number, column: number): Box {
  const [q, k] = [row * blockSize, column * blockSize];
  return [q, Math.min(N, q + blockSize) - 1, k, Math.min(M, k + blockSize) - 1];
}

/** Of a causal mask the pair farthest in the future, and in the past. */
function askCorners({ q, k }: Machine, { N, M, blockSize }: Grid, at: number, row: number, column: number): void {
  const [query, key] = [row * blockSize, column * blockSize];
  q.low[at] = q.high[at] = query;
  k.low[at] = k.high[at] = Math.min(M, key + blockSize) - 1;
  q.low[at + 1] = q.high[at + 1] = Math.min(N, query + blockSize) - 1;
  k.low[at + 1] = k.high[at + 1] = key;
}

function searched(machine: Machine, closure: Closure, whole: Box): number {
  const boxes = [whole];
  const seen = [false, false];
  for (let box = boxes.pop(); box; box = boxes.pop()) {
    const [q0, q1, k0, k1] = box;
    if ((q1 - q0 + 1) * (k1 - k0 + 1) <= FEW) {
      for (let q = q0; q <= q1; q++) for (let k = k0; k <= k1; k++) seen[closure({ q, k })] = true;
    } else {
      const [q, k] = [(q0 + q1) >> 1, (k0 + k1) >> 1];
      const parts: Box[] = [];
      for (const [a, b] of halves(q0, q, q1)) for (const [c, d] of halves(k0, k, k1)) parts.push([a, b, c, d]);
      for (const [i, [a, b, c, d]] of parts.entries()) {
        [machine.q.low[i], machine.q.high[i], machine.k.low[i], machine.k.high[i]] = [a, b, c, d];
      }
      machine.run(parts.length);
      for (const [i, part] of parts.entries()) {
        if (machine.value.low[i] === machine.value.high[i]) seen[machine.value.low[i] as number] = true;
        else boxes.push(part);
      }
    }
    if (seen[0] && seen[1]) return PARTIAL;
  }
  return seen[1] ? FULL : EMPTY;
}

const halves = (low: number, middle: number, high: number): (readonly [number, number])[] =>
  low === high
    ? [[low, high]]
    : [
        [low, middle],
        [middle + 1, high],
      ];

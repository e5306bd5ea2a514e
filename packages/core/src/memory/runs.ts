import { BYTES } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { SLOT } from "./layout.ts";
import type { Storage } from "./storage.ts";

type List = readonly (Tensor | undefined)[];

/** Entries of several lists that one launch can do. */
export interface JoinedRun {
  /** Their indices, in the order in which they lie. */
  readonly members: readonly number[];
  /**
   * All of them of one list, as one flat tensor where there are several; what lies between two is undefined. Call it in
   * a scope. Undefined where the list has none.
   */
  of(list: number): Tensor | undefined;
}

/**
 * Internal: which entries of lists of tensors (weights, gradients, moments) lie side by side, in every list alike, so
 * that what is done to each element can be done to all of them by one launch. What does not is a run of its own.
 *
 * @param lists - of one length; each is full, or has nothing
 * @param kinds - what must be the same in a run, one an entry
 */
export function joinedRuns(lists: readonly List[], kinds: readonly unknown[] = []): JoinedRun[] {
  const present = lists.filter((list) => list.some((tensor) => tensor !== undefined));
  const runs: number[][] = [];
  for (const group of byBuffer(lists[0] ?? [])) {
    let last: number | undefined;
    for (const i of group) {
      if (last !== undefined && kinds[last] === kinds[i] && follows(present, last, i)) runs.at(-1)?.push(i);
      else runs.push([i]);
      last = i;
    }
  }
  return runs.map((members) => ({ members, of: (list) => spanning(lists[list] ?? [], members) }));
}

/** Indices of what lies in one buffer, in the order of places; others alone. */
function byBuffer(list: List): number[][] {
  const groups = new Map<Storage | number, number[]>();
  list.forEach((tensor, i) => {
    const key = withinOf(tensor) ?? i;
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  });
  const offset = (i: number): number => (withinOf(list[i]) ? (list[i] as Tensor).storage.offset : 0);
  return [...groups.values()].map((group) => group.sort((a, b) => offset(a) - offset(b)));
}

/** The buffer that a tensor shares; what was disposed of shares none, and is refused by whoever uses it. */
function withinOf(tensor: Tensor | undefined): Storage | undefined {
  return tensor && !tensor.disposed ? tensor.storage.within : undefined;
}

/** Whether `i` lies behind `last` in every list, as far away in each, with nothing but padding between. */
function follows(lists: readonly List[], last: number, i: number): boolean {
  let distance: number | undefined;
  for (const list of lists) {
    const [a, b] = [list[last], list[i]];
    if (!a || !b || !withinOf(a) || withinOf(a) !== withinOf(b) || a.dtype !== b.dtype) return false;
    const apart = (b.storage.offset - a.storage.offset) / BYTES[a.dtype];
    if (apart < a.size || apart >= a.size + SLOT || apart !== (distance ?? apart)) return false;
    distance = apart;
  }
  return true;
}

function spanning(list: List, members: readonly number[]): Tensor | undefined {
  const [first, last] = [list[members[0] as number], list[members.at(-1) as number]];
  const within = withinOf(first);
  if (!first || !last || !within || first === last) return first;
  const { device, dtype, label } = first;
  const from = first.storage.offset;
  const storage = within.slice({ offset: from, bytes: last.storage.offset + last.storage.bytes - from, joined: false });
  return device.adopt({ storage, shape: [(last.storage.offset - from) / BYTES[dtype] + last.size], dtype, label });
}

import { BYTES, type JoinedRun, joinedRuns, type Maybe, type Tensor, type TensorArgument } from "@dilated/core";
import { forEachBlock } from "../shared/blocks.ts";
import { widen } from "../shared/half.ts";
import { ITEM_QUADS } from "../shared/launch.ts";
import { squareSumKernel } from "./kernels.ts";

/** Invocations of a workgroup. */
export const LANES = 256;
/** Groups of four elements that one lane squares: a workgroup does 16,384 elements. */
const RUN = 16;

/**
 * Sums of squares of the shares of all gradients, in the order of the list. What lies side by side takes one launch,
 * and gives the same numbers. To be called in a scope.
 */
export function squareSums(grads: readonly Tensor[]): Tensor {
  const { device } = grads[0] as Tensor;
  const share = device.info.backend === "wasm" ? ITEM_QUADS * 4 : LANES * RUN * 4;
  /** Windows of each gradient, and the number of its first share. */
  const cuts = grads.map((grad) => windowsOf(grad, share));
  const firsts: number[] = [];
  let count = 0;
  for (const windows of cuts) {
    firsts.push(count);
    count += windows.reduce((sum, { shares }) => sum + shares, 0);
  }
  const partial = device.empty([count], { label: "square sums" });
  const runs = joinedRuns([grads]);
  const table = tableOf(
    grads,
    runs.filter(({ members }) => members.length > 1),
    { firsts, share },
  );
  const queue = (x: Maybe<TensorArgument>, shares: number, scalars: object, rows?: Tensor): void =>
    device.run(squareSumKernel, {
      tensors: { x, partial, table: rows },
      scalars: { elements: 0, first: 0, entry: 0, ...scalars },
      constants: { LANES, RUN },
      groups: shares,
      items: shares,
    });
  for (const run of runs) {
    const [i = 0] = run.members;
    const entry = table?.entries.get(i);
    if (table && entry) {
      queue(widen(run.of(0)), entry.count, { entry: entry.first }, table.rows);
      continue;
    }
    const x = widen(grads[i]);
    let first = firsts[i] ?? 0;
    for (const { of, count: elements, shares } of cuts[i] ?? []) {
      queue(of(x, 1), shares, { elements, first });
      first += shares;
    }
  }
  return partial;
}

interface Window {
  readonly count: number;
  readonly shares: number;
  of(tensor: Maybe<Tensor>, unit: number): Maybe<TensorArgument>;
}

function windowsOf(grad: Tensor, share: number): Window[] {
  const windows: Window[] = [];
  forEachBlock("gradNorm", grad.device, grad.size, [[grad, 1]], ({ count, of }) =>
    windows.push({ count, of, shares: Math.ceil(count / share) }),
  );
  return windows;
}

interface Table {
  readonly rows: Tensor;
  /** By the first member of a run: its rows. */
  readonly entries: ReadonlyMap<number, { readonly first: number; readonly count: number }>;
}

/** A row a share of each run: the group of four in which it starts, its elements, and the number of its sum. */
function tableOf(
  grads: readonly Tensor[],
  runs: readonly JoinedRun[],
  { firsts, share }: { readonly firsts: readonly number[]; readonly share: number },
): Maybe<Table> {
  const device = grads[0]?.device;
  if (!device || runs.length === 0) return undefined;
  const placeOf = (i: number): number => {
    const { storage, dtype } = grads[i] as Tensor;
    return storage.offset / BYTES[dtype];
  };
  const words: number[] = [];
  const entries = new Map<number, { first: number; count: number }>();
  for (const { members } of runs) {
    const [leader = 0] = members;
    const first = words.length / 3;
    for (const i of members) {
      const { size } = grads[i] as Tensor;
      const at = placeOf(i) - placeOf(leader);
      for (let from = 0, k = 0; from < size; from += share, k++)
        words.push((at + from) / 4, Math.min(share, size - from), (firsts[i] ?? 0) + k);
    }
    entries.set(leader, { first, count: words.length / 3 - first });
  }
  const rows = device.tensor(Uint32Array.from(words), [words.length], { dtype: "u32", label: "square sums" });
  return { rows, entries };
}

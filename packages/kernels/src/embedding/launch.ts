import type { Device, Maybe, Tensor, TensorArgument } from "@dilated/core";
import { forEachBlock } from "../shared/blocks.ts";
import { FLAT_LANES } from "../shared/launch.ts";
import { sumSlices } from "../shared/sum-slices.ts";
import { type Columns, gatherKernels, scatterKernels } from "./kernels.ts";

/** Lanes of the scatter kernel: each owns a column, of four channels or one. */
const LANES = 64;
/** Workgroups that keep a large GPU busy. */
const ENOUGH_GROUPS = 2048;
/** Tokens that a workgroup of the scatter kernel looks at before it adds. */
const SCAN = 32 * LANES;
/** Channels that a work item of the WebAssembly scatter owns: one cache line. */
const ITEM_CHANNELS = 16;

/** How rows of E channels are seen; WebAssembly counts bytes and channels by itself. */
function columnsOf(device: Device, E: number): { readonly columns: Columns; readonly count: number } {
  const fours = E % 4 === 0 || device.info.backend === "wasm";
  return fours ? { columns: "quad", count: Math.ceil(E / 4) } : { columns: "single", count: E };
}

/** A table of V rows seen as [V, E]. */
export function rowsOfTable({ shape }: { readonly shape: Tensor["shape"] }): readonly [V: number, E: number] {
  return [shape[0] ?? 0, shape.slice(1).reduce((product, n) => product * n, 1)];
}

/** y [T, E] = table [V, E] at ids [T]; y has the dtype of the table, or on WebGPU f32 for f16. */
export function launchGather(caller: string, table: Tensor, ids: Tensor, y: Tensor): void {
  const [V, E] = rowsOfTable(table);
  const { device } = table;
  const { columns, count } = columnsOf(device, E);
  forEachBlock(
    caller,
    device,
    ids.size,
    [
      [y, E],
      [ids, 1],
    ],
    (tokens) => {
      forEachBlock(caller, device, V, [[table, E]], (vocabulary) => {
        const quads = tokens.count * count;
        device.run(gatherKernels[columns][table.dtype], {
          tensors: { table: vocabulary.of(table, E), ids: tokens.of(ids, 1), y: tokens.of(y, E) },
          scalars: {
            quads,
            columns: count,
            first_row: vocabulary.first,
            rows: vocabulary.count,
            vocab: V,
            row_bytes: table.byteLength / Math.max(1, V),
            missing: Number.NaN,
          },
          constants: { LANES: FLAT_LANES },
          groups: Math.ceil(quads / FLAT_LANES),
          items: tokens.count,
        });
      });
    },
  );
}

/** sums [V, E] (f32) = the sum of grad [T, E] over the tokens of each id. */
export function launchScatter(caller: string, grad: Tensor, ids: Tensor, sums: Tensor): void {
  const [V, E] = rowsOfTable(sums);
  const { device } = sums;
  const { columns, count } = columnsOf(device, E);
  forEachBlock(caller, device, V, [[sums, E]], (vocabulary) => {
    forEachBlock(
      caller,
      device,
      ids.size,
      [
        [grad, E],
        [ids, 1],
      ],
      (tokens) => {
        const block = Math.ceil(vocabulary.count / ENOUGH_GROUPS);
        const across = Math.ceil(count / LANES);
        const groups = Math.ceil(vocabulary.count / block) * across;
        const room = Math.floor(device.limits.maxBindingBytes / (vocabulary.count * E * 4));
        // What adds up slices goes by groups of four.
        const fours = (vocabulary.count * E) % 4 === 0;
        const slices = fours ? Math.min(Math.max(1, room), slicesFor(tokens.count, vocabulary.count, groups)) : 1;
        const chunk = Math.ceil(Math.ceil(tokens.count / slices) / 4) * 4;
        const run = (target: Maybe<TensorArgument>, accumulate: boolean) =>
          device.run(scatterKernels[columns], {
            tensors: { grad: tokens.of(grad, E), ids: tokens.of(ids, 1), sums: target },
            scalars: {
              first_row: vocabulary.first,
              rows: vocabulary.count,
              block,
              tokens: tokens.count,
              chunk,
              columns: count,
              accumulate: accumulate ? 1 : 0,
              width: E,
            },
            constants: { LANES },
            groups: groups * slices,
            items: Math.ceil(E / ITEM_CHANNELS),
          });
        if (slices === 1 || device.info.backend === "wasm") return run(vocabulary.of(sums, E), tokens.first > 0);
        const partial = device.empty([slices, vocabulary.count, E], { label: "partial sums of rows" });
        run(partial, false);
        sumSlices(partial, slices, vocabulary.of(sums, E) ?? sums, vocabulary.count * E, tokens.first > 0);
        partial.dispose();
      },
    );
  });
}

/** Parts that the tokens are split in where the vocabulary alone gives too few workgroups; partial sums never outgrow the gradient. */
function slicesFor(tokens: number, rows: number, groups: number): number {
  return Math.max(1, Math.min(Math.ceil(tokens / SCAN), Math.floor(ENOUGH_GROUPS / groups), Math.floor(tokens / rows)));
}

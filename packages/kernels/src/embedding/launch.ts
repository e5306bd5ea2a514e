import type { Maybe, Tensor, TensorArgument } from "@dilated/core";
import { forEachBlock } from "../shared/blocks.ts";
import { flatLaunch } from "../shared/launch.ts";
import { sumSlices } from "../shared/sum-slices.ts";
import { gatherKernel, scatterKernel } from "./kernels.ts";

/** Lanes of the scatter kernel: each owns four channels, so a workgroup owns 256. */
const LANES = 64;
/** Workgroups that keep a large GPU busy. */
const ENOUGH_GROUPS = 2048;
/** Tokens that a workgroup of the scatter kernel looks at before it adds. */
const SCAN = 32 * LANES;
/** Channels that a work item of the WebAssembly scatter owns: one cache line. */
const ITEM_QUADS = 4;

/** y [T, E] = table [V, E] at ids [T]; y has the dtype of the table. */
export function launchGather(table: Tensor, ids: Tensor, y: Tensor): void {
  const [V = 0, E = 0] = table.shape;
  const { device } = table;
  forEachBlock(
    "embedding",
    device,
    ids.size,
    [
      [y, E],
      [ids, 1],
    ],
    (tokens) => {
      forEachBlock("embedding", device, V, [[table, E]], (vocabulary) => {
        const { quads, groups, constants } = flatLaunch(tokens.count * E);
        device.run(gatherKernel, {
          tensors: { table: vocabulary.of(table, E), ids: tokens.of(ids, 1), y: tokens.of(y, E) },
          scalars: {
            quads,
            columns: E / 4,
            first_row: vocabulary.first,
            rows: vocabulary.count,
            vocab: V,
            row_bytes: table.byteLength / Math.max(1, V),
            missing: Number.NaN,
          },
          constants,
          groups,
          items: tokens.count,
        });
      });
    },
  );
}

/** sums [V, E] (f32) = the sum of grad [T, E] over the tokens of each id. */
export function launchScatter(grad: Tensor, ids: Tensor, sums: Tensor): void {
  const [V = 0, E = 0] = sums.shape;
  const { device } = sums;
  forEachBlock("embedding", device, V, [[sums, E]], (vocabulary) => {
    forEachBlock(
      "embedding",
      device,
      ids.size,
      [
        [grad, E],
        [ids, 1],
      ],
      (tokens) => {
        const block = Math.ceil(vocabulary.count / ENOUGH_GROUPS);
        const across = Math.ceil(E / 4 / LANES);
        const groups = Math.ceil(vocabulary.count / block) * across;
        const room = Math.floor(device.limits.maxBindingBytes / (vocabulary.count * E * 4));
        const slices = Math.min(Math.max(1, room), slicesFor(tokens.count, vocabulary.count, groups));
        const chunk = Math.ceil(Math.ceil(tokens.count / slices) / 4) * 4;
        const run = (target: Maybe<TensorArgument>, accumulate: boolean) =>
          device.run(scatterKernel, {
            tensors: { grad: tokens.of(grad, E), ids: tokens.of(ids, 1), sums: target },
            scalars: {
              first_row: vocabulary.first,
              rows: vocabulary.count,
              block,
              tokens: tokens.count,
              chunk,
              columns: E / 4,
              accumulate: accumulate ? 1 : 0,
            },
            constants: { LANES },
            groups: groups * slices,
            items: Math.ceil(E / 4 / ITEM_QUADS),
          });
        if (slices === 1 || device.info.backend === "wasm") return run(vocabulary.of(sums, E), tokens.first > 0);
        const partial = device.empty([slices, vocabulary.count, E], { label: "embedding partial sums" });
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

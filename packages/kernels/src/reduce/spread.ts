import { defineKernel, type KernelDefinition, LimitError, reshape, type Shape, type Tensor } from "@dilated/core";
import { blocksThatFit, fitsBinding, forEachBlock } from "../shared/blocks.ts";
import { flatLaunch } from "../shared/launch.ts";
import { launch, runFlat } from "../shared/run.ts";
import { kernelsModule } from "../wasm/module.ts";
import { inHalves } from "./halves.ts";
import type { Axis } from "./plan.ts";
import source from "./spread.wgsl";

/** dx[o, j, i] = dy[o, i]·scale, everywhere or where j == at[o, i]. */
export const spreadKernel: KernelDefinition<"dy" | "at" | "dx", "total" | "n" | "inner" | "first" | "scale"> =
  defineKernel({
    name: "spread",
    tensors: {
      dy: { access: "read", view: "scalar" },
      at: { access: "read", view: "scalar", optional: true, dtype: "u32" },
      dx: { access: "write", view: "vec4" },
    },
    scalars: { total: "u32", n: "u32", inner: "u32", first: "u32", scale: "f32" },
    wgsl: { source },
    wasm: { module: kernelsModule, entry: "spreadF32" },
  });

/** The gradient of a reduction: dy [outer, inner] repeated along n, or put at one position of it. */
export function spread(dy: Tensor, axis: Axis, shape: Shape, scale: number, at?: Tensor): Tensor {
  const { device } = dy;
  const { outer, n, inner } = axis;
  if (outer * n * inner >= 2 ** 32) {
    throw new LimitError(`reduction: the gradient of ${outer * n * inner} elements`, {
      details: ["at most 2^32 - 1"],
      fix: "reduce fewer rows at a time",
    });
  }
  const shared = [dy, ...(at ? [at] : [])];
  if (!shared.every((tensor) => fitsBinding(device, tensor))) {
    if (outer === 1 && inner > 1) return spreadHalves(dy, axis, shape, scale, at);
    if (
      blocksThatFit(device, [
        [dy, n * inner],
        [at, inner],
      ]) === 0
    )
      return spreadHalves(dy, axis, shape, scale, at);
  }
  const dx = device.empty(shape, { dtype: dy.dtype, label: "grad" });
  const scalars = { n, inner, scale };
  if (shared.every((tensor) => fitsBinding(device, tensor))) {
    runFlat(device, spreadKernel, {
      tensors: { dx },
      shared: { dy, at },
      scalars: (first, total) => ({ ...scalars, total, first }),
    });
  } else {
    const cut = [[dx, n * inner] as const, ...shared.map((tensor) => [tensor, inner] as const)];
    forEachBlock("reduction", device, outer, cut, ({ count, of }) => {
      const { groups, items, constants } = flatLaunch(count * n * inner);
      launch(device, spreadKernel, {
        tensors: { dx: of(dx, n * inner), dy: of(dy, inner), at: of(at, inner) },
        scalars: { ...scalars, total: count * n * inner, first: 0 },
        constants,
        groups,
        items,
      });
    });
  }
  return dx;
}

/** The same by halves of the axes that were kept, where neither dy nor its rows fit a binding. */
function spreadHalves(dy: Tensor, axis: Axis, shape: Shape, scale: number, at?: Tensor): Tensor {
  const { n, outer, inner } = axis;
  const kept = [outer, 1, inner] as const;
  return dy.device.scope(() => {
    const { dx } = inHalves(
      axis,
      [
        [dy, kept],
        [at, kept],
      ],
      n,
      (part, [half, places]) => ({
        dx: spread(half as Tensor, part, [part.outer, n, part.inner], scale, places),
      }),
    );
    return reshape(dx, shape);
  });
}

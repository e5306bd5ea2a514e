import { defineKernel, type KernelDefinition, type Tensor, type TensorArgument } from "@dilated/core";
import { flatLaunch } from "./launch.ts";
import source from "./sum-slices.wgsl";

export const sumSlicesKernel: KernelDefinition<"partial" | "y", "quads" | "slices"> = defineKernel({
  name: "sumSlices",
  tensors: { partial: { access: "read", view: "vec4" }, y: { access: "read_write", view: "vec4" } },
  scalars: { quads: "u32", slices: "u32" },
  wgsl: { source },
});

/**
 * WebGPU: y = (y +) the sum of the slices of `partial` [slices, elements]; `elements` is a multiple of 4 unless there is one slice.
 * Splitting a long reduction and summing in order keeps it deterministic without atomics.
 */
export function sumSlices(
  partial: Tensor,
  slices: number,
  y: TensorArgument,
  elements: number,
  accumulate = false,
): void {
  const { quads, groups, constants, items } = flatLaunch(elements);
  partial.device.run(sumSlicesKernel, {
    tensors: { partial, y },
    scalars: { quads, slices },
    constants: { ...constants, ACCUMULATE: accumulate },
    groups,
    items,
  });
}

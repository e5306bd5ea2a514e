import { defineKernel, type KernelDefinition, type Tensor } from "@dilated/core";
import source from "./amax.wgsl";

const largest: KernelDefinition<"peaks" | "amax", "count"> = defineKernel({
  name: "largest",
  tensors: {
    peaks: { access: "read", view: "raw", dtype: "f32" },
    amax: { access: "write", view: "raw", dtype: "f32" },
  },
  scalars: { count: "u32" },
  wgsl: { source },
});

/** The largest element of `peaks`, which holds none below 0, as a tensor of one element. */
export function largestOf(peaks: Tensor): Tensor {
  const amax = peaks.device.empty([1], { label: "attention amax" });
  peaks.device.run(largest, { tensors: { peaks, amax }, scalars: { count: peaks.size }, groups: 1, items: 0 });
  return amax;
}

import { defineKernel, type KernelDefinition, type Tensor, type TensorArgument } from "@dilated/core";
import source from "./amax.wgsl";

type MaxAbs = KernelDefinition<"x" | "partial", "count" | "groups" | "slot">;

const maxAbs = (view: "vec4" | "scalar"): MaxAbs =>
  defineKernel({
    name: `max_abs.${view}`,
    tensors: { x: { access: "read", view }, partial: { access: "read_write", view: "raw", dtype: "f32" } },
    scalars: { count: "u32", groups: "u32", slot: "u32" },
    wgsl: { source },
  });

const kernels = { vec4: maxAbs("vec4"), scalar: maxAbs("scalar") } as const;

/** Workgroups of a piece, each of which leaves a partial maximum. */
const GROUPS = 512;

/** The largest |x| over all pieces, in the first element of the result. */
export function maxAbsOf(pieces: readonly TensorArgument[]): Tensor {
  const { device } = tensorOf(pieces[0] as TensorArgument);
  using partial = device.empty([pieces.length * GROUPS], { label: "attention amax" });
  const most = device.empty([4], { label: "attention amax" });
  const launch = (x: TensorArgument, into: Tensor, slot: number, groups: number): void => {
    const size = "length" in x ? x.length : x.size;
    const view = size % 4 === 0 ? "vec4" : "scalar";
    device.run(kernels[view], {
      tensors: { x, partial: into },
      scalars: { count: view === "vec4" ? size / 4 : size, groups, slot },
      constants: { VEC4: view === "vec4" },
      groups,
      items: 0,
    });
  };
  pieces.forEach((piece, i) => {
    launch(piece, partial, i * GROUPS, GROUPS);
  });
  launch(partial, most, 0, 1);
  return most;
}

function tensorOf(argument: TensorArgument): Tensor {
  return "tensor" in argument ? argument.tensor : argument;
}

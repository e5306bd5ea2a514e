import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { defineKernel } from "../kernel/define.ts";
import type { KernelDefinition, ScalarType } from "../kernel/definition.ts";
import type { DType } from "../tensor/dtype.ts";
import { checkElement } from "../tensor/encoding.ts";
import type { Tensor } from "../tensor/tensor.ts";
import source from "./fill.wgsl";
import { coreModule } from "./module.ts";
import { flatLaunch, forEachWindow } from "./windows.ts";

const ARGUMENTS = { tensor: field.tensor(), value: field.optional(field.any("a number")) };

const kernels: Readonly<Record<DType, KernelDefinition<"y", "value" | "quads">>> = {
  f32: fillKernel("f32", "f32", "fill32"),
  f16: fillKernel("f16", "f32", "fill16"),
  i32: fillKernel("i32", "i32", "fill32"),
  u32: fillKernel("u32", "u32", "fill32"),
};

/**
 * Sets every element to `value` (f16: rounded to nearest even). Returns the tensor.
 *
 * @throws DtypeError for what an integer dtype cannot hold
 */
export function fill(tensor: Tensor, value: number): Tensor {
  checkCall("fill", ARGUMENTS, arguments);
  const { device, dtype } = tensor;
  checkElement("fill", dtype, value);
  forEachWindow(device, [tensor], ({ of, quads }) => {
    device.run(kernels[dtype], { tensors: { y: of(tensor) }, scalars: { value, quads }, ...flatLaunch(quads) });
  });
  return tensor;
}

function fillKernel(dtype: DType, value: ScalarType, entry: string): KernelDefinition<"y", "value" | "quads"> {
  return defineKernel({
    name: `fill_${dtype}`,
    tensors: { y: { access: "write", view: "vec4" } },
    scalars: { value, quads: "u32" },
    wgsl: { source },
    wasm: { module: coreModule, entry },
  });
}

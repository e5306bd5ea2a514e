import { apply } from "../autograd/apply.ts";
import type { DifferentiableOp } from "../autograd/op.ts";
import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { ConfigError, DtypeError, ShapeError } from "../errors/index.ts";
import { defineKernel } from "../kernel/define.ts";
import type { KernelDefinition } from "../kernel/definition.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import source from "./accumulate.wgsl";
import inPlaceSource from "./accumulate-in-place.wgsl";
import { coreModule } from "./module.ts";
import { flatLaunch, forEachWindow } from "./windows.ts";

const ARGUMENTS = { a: field.tensor(), b: field.tensor(), into: field.optional(field.tensor()) };

type Storage = "f32" | "f16";

const sums: Readonly<Record<Storage, KernelDefinition<"a" | "b" | "y", "quads">>> = {
  f32: sumKernel("f32"),
  f16: sumKernel("f16"),
};
const inPlace: Readonly<Record<Storage, KernelDefinition<"y" | "b", "quads">>> = {
  f32: inPlaceKernel("f32"),
  f16: inPlaceKernel("f16"),
};

const sumOp: DifferentiableOp<undefined> = {
  name: "accumulate",
  forward: ([a, b]) => ({ outputs: [addInto(a as Tensor, b as Tensor)], saved: [] }),
  backward: ({ grads: [grad] }) => [grad, grad],
};

/**
 * a + b, elementwise, f32 or f16 (summed in f32). With `into` the result is written there, which may be `a` or `b` themselves.
 *
 * @throws ShapeError or DtypeError unless all have one shape and one of these dtypes; ConfigError when a gradient would have to flow through `into`.
 */
export function accumulate(a: Tensor, b: Tensor, into?: Tensor): Tensor {
  checkCall("accumulate", ARGUMENTS, arguments);
  for (const tensor of [b, into]) {
    if (tensor && !sameShape(a.shape, tensor.shape)) {
      throw new ShapeError(`accumulate: the shapes of a and ${tensor === b ? "b" : "into"} differ`, {
        details: [`${formatShape(a.shape)} and ${formatShape(tensor.shape)}`],
        fix: "add tensors of one shape",
      });
    }
    if (tensor && tensor.dtype !== a.dtype)
      throw new DtypeError(
        `accumulate: the dtypes of a and ${tensor === b ? "b" : "into"} differ: ${a.dtype} and ${tensor.dtype}`,
        {
          fix: "cast one of them",
        },
      );
  }
  if (a.dtype !== "f32" && a.dtype !== "f16")
    throw new DtypeError(`accumulate: takes f32 and f16, not ${a.dtype}`, { fix: 'cast(x, "f32") first' });
  if (!into) return apply(sumOp, [a, b], undefined)[0] as Tensor;
  if ([a, b, into].some((tensor) => a.device.tape?.tracks(tensor.id))) {
    throw new ConfigError("accumulate: a sum written in place has no gradient", {
      fix: "leave `into` out, or stopGradient() what is added",
    });
  }
  return addInto(a, b, into);
}

function addInto(a: Tensor, b: Tensor, into?: Tensor): Tensor {
  const { device } = a;
  const dtype = a.dtype as Storage;
  const shares = (tensor: Tensor) => into !== undefined && tensor.storage === into.storage;
  if (into && shares(a) && shares(b)) {
    // x += x: one buffer three times. Rare enough for a temporary.
    using sum = addInto(a, b);
    device.copy(sum, into);
    return into;
  }
  if (into && (shares(a) || shares(b))) {
    const added = shares(a) ? b : a;
    forEachWindow(device, [into], ({ of, quads }) => {
      device.run(inPlace[dtype], { tensors: { y: of(into), b: of(added) }, scalars: { quads }, ...flatLaunch(quads) });
    });
    return into;
  }
  const y = into ?? device.empty(a.shape, { dtype, label: a.label });
  forEachWindow(device, [y], ({ of, quads }) => {
    device.run(sums[dtype], { tensors: { a: of(a), b: of(b), y: of(y) }, scalars: { quads }, ...flatLaunch(quads) });
  });
  return y;
}

function sumKernel(dtype: Storage): KernelDefinition<"a" | "b" | "y", "quads"> {
  return defineKernel({
    name: `accumulate_${dtype}`,
    tensors: {
      a: { access: "read", view: "vec4" },
      b: { access: "read", view: "vec4" },
      y: { access: "write", view: "vec4" },
    },
    scalars: { quads: "u32" },
    wgsl: { source },
    wasm: { module: coreModule, entry: dtype === "f32" ? "add32" : "add16" },
  });
}

function inPlaceKernel(dtype: Storage): KernelDefinition<"y" | "b", "quads"> {
  return defineKernel({
    name: `accumulate_in_place_${dtype}`,
    tensors: { y: { access: "read_write", view: "vec4" }, b: { access: "read", view: "vec4" } },
    scalars: { quads: "u32" },
    wgsl: { source: inPlaceSource },
    wasm: { module: coreModule, entry: dtype === "f32" ? "addInPlace32" : "addInPlace16" },
  });
}

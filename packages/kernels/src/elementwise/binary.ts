import {
  apply,
  checkCall,
  type DifferentiableOp,
  type DType,
  defineKernel,
  field,
  type KernelDefinition,
  type Shape,
  ShapeError,
  type Tensor,
  type TensorView,
} from "@dilated/core";
import { sumAxis } from "../reduce/fold.ts";
import { checkFloats, checkSameDtype, describe } from "../shared/check.ts";
import { stored } from "../shared/half.ts";
import { periodOf, runFlat } from "../shared/run.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./binary.wgsl";
import { runCurve } from "./unary.ts";

/** Codes of the operations in binary.wgsl and assembly/elementwise.ts. */
const CODES = { add: 0, sub: 1, mul: 2, div: 3 } as const;
type Operation = keyof typeof CODES;

const QUAD = "fn suffix_b(e: u32) -> vec4f { return load_b((e % params.period) / 4u); }";
const SINGLE = `fn suffix_b(e: u32) -> vec4f {
  return vec4f(load_b(e % params.period), load_b((e + 1u) % params.period), load_b((e + 2u) % params.period), load_b((e + 3u) % params.period));
}`;

/** b repeats every `period` elements: groups of four line up when that is a multiple of four, and go one by one when it is not. */
export const binaryKernels: Readonly<Record<"quad" | "single", ReturnType<typeof kernel>>> = {
  quad: kernel("binary", "vec4", QUAD),
  single: kernel("binary_any", "scalar", SINGLE),
};

function kernel(
  name: string,
  view: TensorView,
  suffix: string,
): KernelDefinition<"a" | "b" | "y", "quads" | "period" | "first" | "op"> {
  return defineKernel({
    name,
    tensors: { a: { access: "read", view: "vec4" }, b: { access: "read", view }, y: { access: "write", view: "vec4" } },
    scalars: { quads: "u32", period: "u32", first: "u32", op: "u32" },
    wgsl: { source: `${suffix}\n${source}` },
    wasm: { module: kernelsModule, entry: "binaryF32" },
  });
}

function run(operation: Operation, a: Tensor, b: Tensor, label: string, dtype: DType = a.dtype): Tensor {
  const y = a.device.empty(a.shape, { dtype, label });
  const op = CODES[operation];
  const period = periodOf(a.device, a.size, [b]);
  if (period === b.size) {
    // One window for all: b is cut as a is, so it repeats after the window's length rounded up to whole groups.
    runFlat(a.device, binaryKernels.quad, {
      tensors: { a, b, y },
      period,
      scalars: (_, length) => ({ period: Math.ceil(length / 4) * 4, first: 0, op }),
    });
  } else {
    const fitting = b.size % 4 === 0 ? binaryKernels.quad : binaryKernels.single;
    runFlat(a.device, fitting, {
      tensors: { a, y },
      shared: { b },
      scalars: (offset) => ({ period: b.size, first: offset % b.size, op }),
    });
  }
  return y;
}

const binaryOp: DifferentiableOp<{ operation: Operation; shapes: readonly [Shape, Shape] }> = {
  name: "binary",
  forward: ([a, b], { operation }) => {
    if (!a || !b) return { outputs: [], saved: [] };
    return {
      outputs: [run(operation, a, b, operation)],
      saved: operation === "mul" || operation === "div" ? [a, b] : [],
    };
  },
  backward: ({ saved: [a, b], grads: [dy], needs, options: { operation, shapes } }) => {
    if (!dy) return [undefined, undefined];
    const [shapeA, shapeB] = shapes;
    if (!a || !b) {
      return [dy, needs[1] ? suffixSum(dy, shapeA, shapeB, undefined, operation === "sub" ? -1 : 1) : undefined];
    }
    if (operation === "div") {
      return [needs[0] ? run("div", dy, b, "grad") : undefined, needs[1] ? divisorGradient(dy, a, b) : undefined];
    }
    return [
      needs[0] ? run("mul", dy, b, "grad") : undefined,
      needs[1] ? suffixSum(dy, shapeA, shapeB, a, 1) : undefined,
    ];
  },
};

/** -Σ dy·a / b²: summed first, so that the sum's terms are products of what was given, and in f32. */
function divisorGradient(dy: Tensor, a: Tensor, b: Tensor): Tensor {
  return dy.device.scope(() => {
    const sum = suffixSum(dy, a.shape, b.shape, a, -1, "f32");
    return stored(run("div", run("div", sum, b, "grad"), b, "grad"), b.dtype);
  });
}

/** Gradient of b: scale·dy (·factor) summed over the axes that b was repeated along. */
export function suffixSum(
  dy: Tensor,
  shapeA: Shape,
  shapeB: Shape,
  factor: Tensor | undefined,
  scale: number,
  dtype: DType = dy.dtype,
): Tensor {
  if (shapeA.length === shapeB.length) {
    if (factor) {
      const product = run("mul", dy, factor, "grad", dtype);
      return scale === 1 ? product : runCurve(product, undefined, { curve: "scale", a: scale });
    }
    return scale === 1 ? dy : runCurve(dy, undefined, { curve: "scale", a: scale });
  }
  const inner = shapeB.reduce((product, axis) => product * axis, 1);
  return sumAxis(
    dy,
    { outer: 1, n: inner === 0 ? 0 : dy.size / inner, inner },
    { factor, scale, shape: shapeB, dtype },
  );
}

const TWO_TENSORS = { a: field.tensor(), b: field.tensor() };

function binary(operation: Operation, a: Tensor, b: Tensor): Tensor {
  checkFloats(operation, { a, b });
  checkSameDtype(operation, { a, b });
  const lead = a.rank - b.rank;
  if (lead < 0 || b.shape.some((axis, i) => axis !== a.shape[lead + i])) {
    throw new ShapeError(`${operation}: b must have the shape of a, or the last axes of it`, {
      details: describe({ a, b }),
      fix: lead < 0 ? `swap the arguments, or reshape b` : "reshape b; only leading axes are repeated",
    });
  }
  return apply(binaryOp, [a, b], { operation, shapes: [a.shape, b.shape] })[0] as Tensor;
}

/**
 * a + b, elementwise. b may have only the last axes of a (a bias, a table of positions): it is then repeated along the others, and its
 * gradient is summed over them.
 *
 * @param a - any shape, f32 or f16
 * @param b - the shape of a, or a suffix of it; the dtype of a
 * @throws ShapeError unless b's shape is a suffix of a's; DtypeError unless both are f32 or both f16.
 */
export function add(a: Tensor, b: Tensor): Tensor {
  checkCall("add", TWO_TENSORS, arguments);
  return binary("add", a, b);
}

/** a - b, elementwise; shapes, dtypes and errors as in {@link add}. */
export function sub(a: Tensor, b: Tensor): Tensor {
  checkCall("sub", TWO_TENSORS, arguments);
  return binary("sub", a, b);
}

/** a·b, elementwise; shapes, dtypes and errors as in {@link add}. */
export function mul(a: Tensor, b: Tensor): Tensor {
  checkCall("mul", TWO_TENSORS, arguments);
  return binary("mul", a, b);
}

/**
 * a / b, elementwise; what 0 divides is infinite or NaN, as IEEE 754 says. Shapes, dtypes and errors as in {@link
 * add}.
 */
export function div(a: Tensor, b: Tensor): Tensor {
  checkCall("div", TWO_TENSORS, arguments);
  return binary("div", a, b);
}

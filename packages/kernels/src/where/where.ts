import {
  apply,
  checkCall,
  type DifferentiableOp,
  type DType,
  DtypeError,
  defineKernel,
  field,
  type KernelDefinition,
  type Maybe,
  type Shape,
  ShapeError,
  type Tensor,
  type TensorView,
} from "@dilated/core";
import { suffixSum } from "../elementwise/binary.ts";
import { checkSameDtype, describe } from "../shared/check.ts";
import { periodOf, runFlat } from "../shared/run.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./where.wgsl";

type Slot = "condition" | "a" | "b";
type WhereKernel = KernelDefinition<Slot | "y", "quads" | `period_${Slot}` | `first_${Slot}`>;

const SLOTS: readonly Slot[] = ["condition", "a", "b"];

/** By what four values are in WGSL, and by whether all that repeats does so in groups of four. */
export const whereKernels: Readonly<Record<"quad" | "single", Readonly<Record<DType, WhereKernel>>>> = {
  quad: byDtype("where", "vec4", quad),
  single: byDtype("where_any", "scalar", single),
};

function quad(slot: Slot, value: string): string {
  return `return ${value}(load_${slot}((e % params.period_${slot}) / 4u));`;
}

function single(slot: Slot, value: string): string {
  const one = { vec4f: "f32", vec4i: "i32" }[value] ?? "u32";
  const loads = [0, 1, 2, 3].map((i) => `${one}(load_${slot}((e + ${i}u) % params.period_${slot}))`);
  return `return ${value}(${loads.join(", ")});`;
}

function byDtype(
  name: string,
  view: TensorView,
  body: (slot: Slot, value: string) => string,
): Readonly<Record<DType, WhereKernel>> {
  const float = kernel(name, view, body, "vec4f", "f32");
  const integer = (dtype: "i32" | "u32", value: string) => kernel(`${name}_${dtype}`, view, body, value, dtype);
  return { f32: float, f16: float, i32: integer("i32", "vec4i"), u32: integer("u32", "vec4u") };
}

function kernel(
  name: string,
  view: TensorView,
  body: (slot: Slot, value: string) => string,
  value: string,
  dtype: DType,
): WhereKernel {
  const only = dtype === "f32" ? {} : { dtype };
  const data = { access: "read", view, optional: true, ...only } as const;
  const accessors = SLOTS.map((slot) => {
    const four = slot === "condition" ? "vec4u" : value;
    return `fn ${slot}_at(e: u32) -> ${four} { ${body(slot, four)} }`;
  });
  return defineKernel({
    name,
    tensors: {
      condition: { access: "read", view },
      a: data,
      b: data,
      y: { access: "write", view: "vec4", ...only },
    },
    scalars: {
      quads: "u32",
      period_condition: "u32",
      period_a: "u32",
      period_b: "u32",
      first_condition: "u32",
      first_a: "u32",
      first_b: "u32",
    },
    wgsl: { source: [`alias Value = ${value};`, ...accessors, source].join("\n") },
    wasm: { module: kernelsModule, entry: "whereF32" },
  });
}

/** Queues a choice in the shape of the longest of the three; what is left out counts as 0. */
function run(condition: Tensor, a: Maybe<Tensor>, b: Maybe<Tensor>, shape: Shape): Tensor {
  const { device } = condition;
  const given = { condition, a, b };
  const dtype = (a ?? b)?.dtype ?? "f32";
  const y = device.empty(shape, { dtype, label: "where" });
  const period = periodOf(device, y.size, [condition, a, b]);
  const long = (slot: Slot) => (given[slot]?.size ?? 0) >= period;
  const fours = SLOTS.every((slot) => long(slot) || (given[slot]?.size ?? 0) % 4 === 0);
  const part = (whole: boolean) =>
    Object.fromEntries(SLOTS.filter((slot) => long(slot) === whole).map((slot) => [slot, given[slot]]));
  runFlat(device, whereKernels[fours ? "quad" : "single"][dtype], {
    tensors: { y, ...part(true) },
    shared: part(false),
    period,
    scalars: (offset, length) => {
      const periodIn = (slot: Slot) => (long(slot) ? Math.ceil(length / 4) * 4 : Math.max(1, given[slot]?.size ?? 1));
      const first = (slot: Slot) => (long(slot) ? 0 : offset % periodIn(slot));
      return {
        period_condition: periodIn("condition"),
        period_a: periodIn("a"),
        period_b: periodIn("b"),
        first_condition: first("condition"),
        first_a: first("a"),
        first_b: first("b"),
      };
    },
  });
  return y;
}

const whereOp: DifferentiableOp<{ readonly shape: Shape; readonly a: Shape; readonly b: Shape }> = {
  name: "where",
  forward: ([condition, a, b], { shape }) => {
    if (!condition) return { outputs: [], saved: [] };
    return { outputs: [run(condition, a, b, shape)], saved: [condition] };
  },
  backward: ({ saved: [condition], grads: [dy], needs, options: { shape, a, b } }) => {
    if (!dy || !condition) return [];
    return dy.device.scope(() => [
      undefined,
      needs[1] ? suffixSum(run(condition, dy, undefined, shape), shape, a, undefined, 1) : undefined,
      needs[2] ? suffixSum(run(condition, undefined, dy, shape), shape, b, undefined, 1) : undefined,
    ]);
  },
};

const ARGUMENTS = { condition: field.tensor(), a: field.tensor(), b: field.tensor() };

/**
 * a where the condition is not 0, b elsewhere, elementwise. The result has the shape of the longest of the three; the
 * others may have only its last axes, and are then repeated along the rest. What is not chosen counts for nothing, NaN
 * and infinity included: its gradient is 0.
 *
 * @param condition - u32 or i32
 * @param a - any dtype
 * @param b - the dtype of a
 * @returns differentiable in a and b where they are f32 or f16
 * @throws DtypeError for a condition of floats, or another dtype of b than of a; ShapeError unless each shape is a
 * suffix of the longest.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { where } from "@dilated/kernels";
 * const device = await openDevice();
 * const even = device.tensor([1, 0, 1, 0], [4], { dtype: "u32" });
 * const y = where(even, device.full([2, 4], 1), device.full([], 0)); // [2, 4]: 1 0 1 0, 1 0 1 0
 * device.dispose();
 * ```
 */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  checkCall("where", ARGUMENTS, arguments);
  if (condition.dtype !== "u32" && condition.dtype !== "i32") {
    throw new DtypeError("where: condition must be u32 or i32", {
      details: describe({ condition }),
      fix: 'make it with { dtype: "u32" }',
    });
  }
  checkSameDtype("where", { a, b });
  const { shape } = [a, b].reduce((most, one) => (one.rank > most.rank ? one : most), condition);
  for (const one of [condition, a, b]) {
    const lead = shape.length - one.rank;
    if (one.shape.every((axis, i) => axis === shape[lead + i])) continue;
    throw new ShapeError("where: each shape must be that of the longest, or the last axes of it", {
      details: describe({ condition, a, b }),
      fix: "reshape; only leading axes are repeated",
    });
  }
  const inputs = [condition, a, b];
  const float = a.dtype === "f32" || a.dtype === "f16";
  return float ? (apply(whereOp, inputs, { shape, a: a.shape, b: b.shape })[0] as Tensor) : run(condition, a, b, shape);
}

import { apply } from "../autograd/apply.ts";
import type { DifferentiableOp } from "../autograd/op.ts";
import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { DtypeError } from "../errors/index.ts";
import { defineKernel } from "../kernel/define.ts";
import type { KernelDefinition } from "../kernel/definition.ts";
import { BYTES, type DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import widenSource from "./cast-f16-f32.wgsl";
import narrowSource from "./cast-f32-f16.wgsl";
import convertSource from "./convert.wgsl";
import { coreModule } from "./module.ts";
import { flatLaunch, forEachWindow } from "./windows.ts";
import { asWords, wordsWindow } from "./words.ts";

const ARGUMENTS = { x: field.tensor(), dtype: field.string() };

type CastKernel = KernelDefinition<"x" | "y", "quads">;

const narrow: CastKernel = castKernel("f32", "f16", narrowSource);
const widen: CastKernel = castKernel("f16", "f32", widenSource);
const converts: Readonly<Record<string, CastKernel>> = {
  "i32 f32": castKernel("i32", "f32", convertSource.replace("TO(load", "to_f32_from_i32(load")),
  "u32 f32": castKernel("u32", "f32", convertSource.replace("TO(load", "to_f32_from_u32(load")),
  "f32 i32": castKernel("f32", "i32", convertSource.replace("TO(load", "to_i32_from_f32(load")),
  "f32 u32": castKernel("f32", "u32", convertSource.replace("TO(load", "to_u32_from_f32(load")),
};

const castOp: DifferentiableOp<{ from: DType; to: DType }> = {
  name: "cast",
  forward: ([x], { to }) => ({ outputs: [convert(x as Tensor, to)], saved: [] }),
  backward: ({ grads: [grad], options }) => [grad && convert(grad, options.from)],
};

/**
 * The elements as another dtype, the same bits on every backend: f32 to f16 rounds to nearest even, f16 to f32 is exact, to integers
 * truncates towards zero (out of range: the nearest integer there is; NaN: any). Differentiable between f32 and f16; integers have no gradient.
 * To its own dtype it gives another handle on the same value.
 *
 * @throws DtypeError for a dtype that does not exist.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  checkCall("cast", ARGUMENTS, arguments);
  if (!Object.hasOwn(BYTES, dtype))
    throw new DtypeError(`cast: unknown dtype ${dtype}`, {
      details: [`known: ${Object.keys(BYTES).join(", ")}`],
    });
  if (dtype === x.dtype) return x.alias();
  const float = (t: DType) => t === "f32" || t === "f16";
  if (float(x.dtype) && float(dtype)) return apply(castOp, [x], { from: x.dtype, to: dtype })[0] as Tensor;
  return convert(x, dtype);
}

function convert(x: Tensor, dtype: DType): Tensor {
  return x.device.scope(() => {
    const y = x.device.empty(x.shape, { dtype, label: x.label });
    castInto(x, y);
    return y;
  });
}

/** Writes `x`, converted, to all of `y`: same number of elements. */
export function castInto(x: Tensor, y: Tensor): void {
  const { device } = x;
  const direct = converts[`${x.dtype} ${y.dtype}`];
  if (x.dtype === y.dtype) return device.copy(x, y);
  if (x.dtype === "f32" && y.dtype === "f16") return runHalf(narrow, x, y);
  if (x.dtype === "f16" && y.dtype === "f32") return runHalf(widen, x, y);
  if (direct) {
    forEachWindow(device, [x, y], ({ of, quads }) => {
      device.run(direct, { tensors: { x: of(x), y: of(y) }, scalars: { quads }, ...flatLaunch(quads) });
    });
    return;
  }
  if (x.dtype !== "f16" && y.dtype !== "f16") {
    // Between the integers: the same bits.
    using from = asWords(x);
    using to = asWords(y);
    return device.copy(from, to);
  }
  using between = convert(x, "f32");
  castInto(between, y);
}

/** Halves are read and written as words, eight elements an invocation. */
function runHalf(kernel: CastKernel, x: Tensor, y: Tensor): void {
  const { device } = x;
  using xWords = asWords(x);
  using yWords = asWords(y);
  forEachWindow(device, [x, y], (window) => {
    const { quads } = window;
    const from = kernel === narrow ? window.of(x) : wordsWindow(xWords, window, BYTES[x.dtype]);
    const to = wordsWindow(yWords, window, BYTES[y.dtype]);
    const { items } = flatLaunch(quads);
    const { groups } = flatLaunch(Math.ceil(quads / 2));
    device.run(kernel, { tensors: { x: from, y: to }, scalars: { quads }, groups, items });
  });
}

function castKernel(from: DType, to: DType, source: string): CastKernel {
  return defineKernel({
    name: `cast_${from}_${to}`,
    tensors: { x: { access: "read", view: "vec4" }, y: { access: "write", view: "vec4" } },
    scalars: { quads: "u32" },
    wgsl: { source },
    wasm: { module: coreModule, entry: `cast${from.toUpperCase()}${to.toUpperCase()}` },
  });
}

import { apply, type DifferentiableOp, defineKernel, type KernelDefinition, type Tensor } from "@dilated/core";
import { CURVES, type Curve } from "../activation/curves.ts";
import curves from "../activation/curves.wgsl";
import { checkFloats } from "../shared/check.ts";
import { emptyLike } from "../shared/rows.ts";
import { runFlat } from "../shared/run.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./unary.wgsl";

/** y = f(x), or y = f'(x)·dy where dy is given. */
export type UnaryKernel = KernelDefinition<"x" | "dy" | "y", "quads" | "op" | "a">;

/** The kernel of some curves: WGSL with `curve4` and `slope4`. */
export function unaryKernelOf(name: string, wgsl: string): UnaryKernel {
  return defineKernel({
    name,
    tensors: {
      x: { access: "read", view: "vec4" },
      dy: { access: "read", view: "vec4", optional: true },
      y: { access: "write", view: "vec4" },
    },
    scalars: { quads: "u32", op: "u32", a: "f32" },
    wgsl: { source: `${wgsl}\n${source}` },
    wasm: { module: kernelsModule, entry: "unaryF32" },
  });
}

/** The activations, and what is as simple. */
export const unaryKernel: UnaryKernel = unaryKernelOf("unary", curves);

/** Which curve, and which kernel knows it; `a` is the factor of `scale`. */
export interface UnaryOptions {
  readonly curve: Curve;
  readonly a: number;
  /** @defaultValue unaryKernel */
  readonly kernel?: UnaryKernel | undefined;
}

const unaryOp: DifferentiableOp<UnaryOptions> = {
  name: "unary",
  forward: ([x], options) => {
    if (!x) return { outputs: [], saved: [] };
    const y = runCurve(x, undefined, options);
    // The slope of relu and of exp can be read off the result, which the next op keeps anyway; a constant one needs
    // nothing.
    const { curve } = options;
    return { outputs: [y], saved: [curve === "relu" || curve === "exp" ? y : curve === "scale" ? undefined : x] };
  },
  backward: ({ saved: [x], grads: [dy], options }) => {
    if (!dy) return [undefined];
    return [x ? runCurve(x, dy, options) : runCurve(dy, undefined, options)];
  },
};

/** Queues y = f(x), or f'(x)·dy. */
export function runCurve(x: Tensor, dy: Tensor | undefined, { curve, a, kernel = unaryKernel }: UnaryOptions): Tensor {
  const y = emptyLike(dy ?? x, dy ? "grad" : curve);
  runFlat(x.device, kernel, { tensors: { x, dy, y }, scalars: () => ({ op: CURVES[curve], a }) });
  return y;
}

/**
 * Applies a curve elementwise, with its gradient; what the public functions of this folder and of `activation` are made
 * from.
 */
export function unary(caller: string, x: Tensor, curve: Curve, a = 1, kernel: UnaryKernel = unaryKernel): Tensor {
  checkFloats(caller, { x });
  return apply(unaryOp, [x], { curve, a, kernel })[0] as Tensor;
}

import {
  apply,
  checkCall,
  type DifferentiableOp,
  defineKernel,
  field,
  type KernelDefinition,
  type Tensor,
} from "@dilated/core";
import { CURVES } from "../activation/curves.ts";
import curves from "../activation/curves.wgsl";
import { checkFloats, checkSameDtype, checkSameShape } from "../shared/check.ts";
import { emptyLike } from "../shared/rows.ts";
import { runFlat } from "../shared/run.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./glu.wgsl";
import backwardSource from "./glu-backward.wgsl";

const ACTIVATIONS = ["sigmoid", "silu", "gelu", "relu"] as const;

/** Which gate {@link glu} has. */
export interface GluOptions {
  /** `sigmoid`: GLU. `silu`: SwiGLU. `gelu`: GEGLU (exact). `relu`: ReGLU. */
  readonly activation: (typeof ACTIVATIONS)[number];
}

const ARGUMENTS = {
  value: field.tensor(),
  gate: field.tensor(),
  options: field.options<GluOptions>({ activation: field.oneOf(ACTIVATIONS) }),
};

/** y = value·f(gate). */
export const gluKernel: KernelDefinition<"value" | "gate" | "y", "quads" | "op"> = defineKernel({
  name: "glu",
  tensors: {
    value: { access: "read", view: "vec4" },
    gate: { access: "read", view: "vec4" },
    y: { access: "write", view: "vec4" },
  },
  scalars: { quads: "u32", op: "u32" },
  wgsl: { source: `${curves}\n${source}` },
  wasm: { module: kernelsModule, entry: "gluF32" },
});

/** dvalue = dy·f(gate), dgate = dy·value·f'(gate). */
export const gluBackwardKernel: KernelDefinition<"value" | "gate" | "dy" | "dvalue" | "dgate", "quads" | "op"> =
  defineKernel({
    name: "glu_backward",
    tensors: {
      value: { access: "read", view: "vec4" },
      gate: { access: "read", view: "vec4" },
      dy: { access: "read", view: "vec4" },
      dvalue: { access: "write", view: "vec4", optional: true },
      dgate: { access: "write", view: "vec4", optional: true },
    },
    scalars: { quads: "u32", op: "u32" },
    wgsl: { source: `${curves}\n${backwardSource}` },
    wasm: { module: kernelsModule, entry: "gluBackwardF32" },
  });

const gluOp: DifferentiableOp<{ op: number }> = {
  name: "glu",
  forward: ([value, gate], scalars) => {
    if (!value || !gate) return { outputs: [], saved: [] };
    const y = emptyLike(value, "glu");
    runFlat(value.device, gluKernel, { tensors: { value, gate, y }, scalars: () => scalars });
    return { outputs: [y], saved: [value, gate] };
  },
  backward: ({ saved: [value, gate], grads: [dy], needs, options }) => {
    if (!value || !gate || !dy) return [];
    const [dvalue, dgate] = needs.map((needed) => (needed ? emptyLike(value, "grad") : undefined));
    runFlat(value.device, gluBackwardKernel, { tensors: { value, gate, dy, dvalue, dgate }, scalars: () => options });
    return [dvalue, dgate];
  },
};

/**
 * Gated linear unit: value·f(gate), elementwise. The two projections that make `value` and `gate` are the caller's.
 *
 * @param value - any shape, f32 or f16
 * @param gate - the shape and dtype of value
 * @throws ConfigError for an unknown option or activation; ShapeError, DtypeError unless both tensors have one shape and dtype.
 * @see Shazeer: "GLU variants improve transformer" (2020)
 */
export function glu(value: Tensor, gate: Tensor, options: GluOptions): Tensor {
  checkCall("glu", ARGUMENTS, arguments);
  checkFloats("glu", { value, gate });
  checkSameShape("glu", { value, gate });
  checkSameDtype("glu", { value, gate });
  return apply(gluOp, [value, gate], { op: CURVES[options.activation] })[0] as Tensor;
}

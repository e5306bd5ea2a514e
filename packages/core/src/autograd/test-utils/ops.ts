import { defineKernel } from "../../kernel/define.ts";
import type { KernelDefinition } from "../../kernel/definition.ts";
import { fill } from "../../ops/fill.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { testModule } from "../../wasm/test-utils/module.ts";
import { apply } from "../apply.ts";
import type { DifferentiableOp } from "../op.ts";

const kernel: KernelDefinition<"y" | "a" | "b", "count"> = defineKernel({
  name: "test_multiply",
  tensors: {
    y: { access: "write", view: "scalar" },
    a: { access: "read", view: "scalar" },
    b: { access: "read", view: "scalar" },
  },
  scalars: { count: "u32" },
  wgsl: {
    source: `@compute @workgroup_size(64) fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
      let i = group_index(w) * 64u + lane;
      if (group_index(w) < params.group_count && i < params.count) { store_y(i, load_a(i) * load_b(i)); }
    }`,
  },
  wasm: { module: testModule, entry: "multiply" },
});

/** How often `multiply` ran, forward or backward. */
export const calls: { count: number } = { count: 0 };

function product(a: Tensor, b: Tensor): Tensor {
  calls.count += 1;
  const y = a.device.empty(a.shape, { label: "product" });
  a.device.run(kernel, {
    tensors: { y, a, b },
    scalars: { count: a.size },
    groups: Math.ceil(a.size / 64),
    items: a.size,
  });
  return y;
}

const multiplyOp: DifferentiableOp<undefined> = {
  name: "multiply",
  forward: ([a, b]) => ({ outputs: [product(a as Tensor, b as Tensor)], saved: [a, b] }),
  backward: ({ saved: [a, b], grads: [grad], needs }) => [
    needs[0] ? product(grad as Tensor, b as Tensor) : undefined,
    needs[1] ? product(grad as Tensor, a as Tensor) : undefined,
  ],
};

/** a · b elementwise, f32. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  return apply(multiplyOp, [a, b], undefined)[0] as Tensor;
}

const firstOp: DifferentiableOp<{ like: readonly number[] }> = {
  name: "first",
  forward: ([x]) => {
    const y = (x as Tensor).device.empty([1], { dtype: (x as Tensor).dtype });
    (x as Tensor).device.copy(x as Tensor, y, { count: 1 });
    return { outputs: [y], saved: [] };
  },
  backward: ({ grads: [grad], options }) => {
    const { device, dtype } = grad as Tensor;
    const dx = fill(device.empty(options.like, { dtype }), 0);
    device.copy(grad as Tensor, dx);
    return [dx];
  },
};

/** x[0]: a loss of one element. */
export function first(x: Tensor): Tensor {
  return apply(firstOp, [x], { like: x.shape })[0] as Tensor;
}

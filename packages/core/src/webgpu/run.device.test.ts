import { describe, expect, inject, test } from "vitest";
import { defineKernel } from "../kernel/define.ts";
import { openWebGPUForTest } from "./test-utils/open.ts";

export const axpy = defineKernel({
  name: "axpy",
  tensors: { x: { access: "read", view: "vec4" }, bias: { access: "read", view: "vec4", optional: true }, y: { access: "read_write", view: "vec4" } },
  scalars: { a: "f32", count: "u32" },
  wgsl: {
    source: `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group_index(w) >= params.group_count) { return; }
  let i = group_index(w) * 64u + lane;
  if (i >= params.count) { return; }
  var v = load_y(i) + params.a * load_x(i);
  if (HAS_BIAS) { v += load_bias(i); }
  store_y(i, v);
}`,
  },
});

describe.runIf(inject("backend") === "webgpu")("run", () => {
  test.each(["f32", "f16"] as const)("%s in place", async (dtype) => {
    const { device } = await openWebGPUForTest();
    const x = device.tensor([1, 2, 3, 4, 5], [5], { dtype });
    const y = device.tensor([10, 20, 30, 40, 50], [5], { dtype });
    device.run(axpy, { tensors: { x, y }, scalars: { a: 2, count: 2 }, groups: 1, items: 0 });
    device.run(axpy, { tensors: { x, bias: x, y }, scalars: { a: 0.5, count: 2 }, groups: 1, items: 0 });
    expect([...(await y.data())]).toEqual([13.5, 27, 40.5, 54, 67.5]);
    device.dispose();
  });
});

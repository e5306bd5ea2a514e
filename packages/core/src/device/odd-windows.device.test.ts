import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { defineKernel } from "../kernel/define.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Device } from "./device.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

const source = `@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_index(w) * 64u + lane;
  if (group_index(w) < params.group_count && i < params.quads) { store_y(i, load_x(i) + load_y(i)); }
}`;

/** y += x, by fours. */
const addTo = defineKernel({
  name: "add to",
  tensors: { x: { access: "read", view: "vec4" }, y: { access: "read_write", view: "vec4" } },
  scalars: { quads: "u32" },
  wgsl: { source },
});

// WebAssembly's kernels take addresses, and need no alignment but that of an element.
test.runIf(inject("backend") === "webgpu").each<DType>(["f32", "f16"])(
  "windows of %s at any place are read and written, and nothing beside them",
  async (dtype) => {
    const values = Array.from({ length: 300 }, (_, i) => i % 50);
    for (const [from, to, length] of [
      [3, 7, 21],
      [0, 128, 9],
      [129, 0, 6],
      [1, 256, 44],
    ] as const) {
      using x = device.tensor(values, [300], { dtype });
      using y = device.tensor(values, [300], { dtype });
      const { live } = device.stats();
      const quads = Math.ceil(length / 4);
      const tensors = { x: { tensor: x, offset: from, length }, y: { tensor: y, offset: to, length } };
      device.run(addTo, { tensors, scalars: { quads }, groups: 1, items: 0 });
      const want = values.map((value, i) =>
        i >= to && i < to + length ? value + (values[i - to + from] ?? 0) : value,
      );
      expect([...(await y.data())]).toEqual(want);
      expect([...(await x.data())]).toEqual(values);
      expect(device.stats().live).toBe(live);
    }
  },
);

test("a window that is not inside its tensor is refused", () => {
  using x = device.zeros([300]);
  for (const [offset, length] of [
    [290, 20],
    [-4, 8],
    [0.5, 4],
    [Number.NaN, 4],
    [4, Number.NaN],
    [8, -4],
  ] as const) {
    const tensors = { x: { tensor: x, offset, length }, y: x };
    const run = () => device.run(addTo, { tensors, scalars: { quads: 1 }, groups: 1, items: 0 });
    expect(run).toThrow(inject("backend") === "webgpu" ? /the window of "x" is outside/ : /has no wasm body/);
  }
});

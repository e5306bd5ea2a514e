import { recordingDevice } from "@dilated-internal/testing/recording-device";
import { describe, expect, test, vi } from "vitest";
import { defineKernel } from "../kernel/define.ts";
import type { KernelDefinition } from "../kernel/definition.ts";
import type { Device } from "./device.ts";

const kernel = (name: string): KernelDefinition<"x" | "y", never> =>
  defineKernel({
    name,
    tensors: { x: { access: "read", view: "vec4" }, y: { access: "write", view: "vec4" } },
    scalars: {},
    wgsl: { source: "" },
  });
const [first, second] = [kernel("first"), kernel("second")];

/** Two kernels with a temporary between them, gone as soon as the second is queued: as attention's backward does. */
function work(device: Device) {
  const x = device.empty([8]);
  const between = device.empty([8], { label: "between" });
  const y = device.empty([8]);
  device.run(first, { tensors: { x, y: between }, scalars: {}, groups: 1, items: 0 });
  device.run(second, { tensors: { x: between, y }, scalars: {}, groups: 1, items: 0 });
  between.dispose();
  device.copy(y, x);
  return { y };
}

describe("dryRun", () => {
  test("tells of each launch while its tensors live, queues nothing, and frees everything", () => {
    const { device, queued } = recordingDevice();
    const heard: string[] = [];
    device.dryRun(
      () => work(device),
      ({ name }, { tensors }) => {
        const alive = Object.values(tensors).every((tensor) => tensor && "disposed" in tensor && !tensor.disposed);
        heard.push(`${name} ${alive}`);
      },
    );
    expect(heard).toEqual(["first true", "second true"]);
    expect(queued).toEqual([]);
    expect(device.stats()).toMatchObject({ live: 0, buffers: 0 });
  });

  test("gives the device back as it was, also when work fails", () => {
    const { device, queued } = recordingDevice();
    const fail = () => {
      work(device);
      throw new Error("no");
    };
    expect(() => device.dryRun(fail)).toThrow("no");
    expect(device.stats().buffers).toBe(0);
    device.scope(() => work(device)).y.dispose();
    expect(queued).toEqual(["first", "second", "copy"]);
  });
});

describe("warmup", () => {
  test("starts all kernels at once, each bound to what lives, and ends when they do", async () => {
    const { device, queued, warmed, finish } = recordingDevice({ compiles: "by finish" });
    const ended = vi.fn();
    const compiled = device.warmup(() => work(device)).then(ended);
    expect(warmed).toEqual([
      { kernel: "first", freed: 0 },
      { kernel: "second", freed: 0 },
    ]);
    expect(device.stats().buffers).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(ended).not.toHaveBeenCalled();
    finish();
    await compiled;
    expect(queued).toEqual([]);
  });

  test("fails with the kernel that fails, or with the work", async () => {
    const { device, finish } = recordingDevice({ compiles: "by finish" });
    const compiled = device.warmup(() => work(device));
    finish("second");
    await expect(compiled).rejects.toThrow("second is broken");
    const fail = () => {
      work(device);
      throw new Error("no");
    };
    const failed = device.warmup(fail);
    finish("first"); // which nobody waits for: an unhandled rejection would fail the test run
    await expect(failed).rejects.toThrow("no");
  });
});

import { type Device, openDevice } from "@dilated/core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { EmulatedShape } from "./emulate-matrix.ts";

/** Compiling takes most of it, on a busy machine a multiple. */
/** Adds a test that gets the block's device. */
export type AddTest = (name: string, work: (device: Device) => Promise<void>) => void;

/**
 * A block of tests on a device whose matrix units are emulated, so that matrix kernels run where there are none; the last test expects that all of `kernels`
 * did. Only in Node on Dawn, and only where subgroups have 8 lanes or a multiple (lavapipe, GPUs; not SwiftShader, whose subgroups have 4): skipped elsewhere.
 * Compiling takes tens of seconds: `thorough` blocks only run with DILATED_EMULATE_MATRIX=all.
 */
export function onEmulatedMatrix(
  name: string,
  shape: EmulatedShape,
  block: (add: AddTest) => void,
  kernels: readonly string[],
  { thorough = false }: { readonly thorough?: boolean } = {},
): void {
  const inNode =
    inject("backend") === "webgpu" && (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu === undefined;
  const wanted = inNode && (!thorough || process.env.DILATED_EMULATE_MATRIX === "all");
  describe.skipIf(!wanted)(`emulated matrix units: ${name}`, () => {
    let device: Device | undefined;
    let lent: GPUDevice | undefined;
    let rewritten: readonly string[] = [];

    beforeAll(async () => {
      const { openEmulatedMatrix } = await import("./emulated-matrix-device.ts");
      const opened = await openEmulatedMatrix(shape);
      if (!opened) return;
      lent = opened.gpuDevice;
      rewritten = opened.rewritten;
      device = await openDevice({ gpuDevice: opened.gpuDevice, allowSoftware: true });
      expect(device.info.tier).toBe("matrix");
    });
    afterAll(() => {
      device?.dispose();
      lent?.destroy();
    });

    block((title, work) => {
      test(title, async ({ skip }) => {
        if (!device) return skip("the adapter has no f16, or its subgroups are not of 8 lanes or a multiple");
        await work(device);
      });
    });
    test("the matrix kernels did it", ({ skip }) => {
      if (!device) return skip();
      expect([...new Set(rewritten)].sort()).toEqual([...kernels].sort());
    });
  });
}

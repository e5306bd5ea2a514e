import type { Device, KernelDefinition } from "@dilated/core";
import { expect } from "vitest";
import { pretendDevice } from "../../shared/test-utils/pretend-device.ts";
import { dilatedText } from "../schedule/dilated/dilated.ts";
import { type KernelRole, kernelsFor } from "../webgpu/kernels.ts";
import { type Tile, tileBytes } from "../webgpu/unrolled/tile-size.ts";

/** The kernels that are cut in tiles of f32 arithmetic. */
export const TILED: readonly (readonly [KernelRole, KernelDefinition])[] = Object.entries(
  kernelsFor(dilatedText).unrolled,
) as never;

/** Plain WebGPU, and a large GPU. */
export const DEVICES: readonly Device[] = [16_384, 49_152].map((maxWorkgroupMemory) =>
  pretendDevice({ info: { software: false }, limits: { maxWorkgroupMemory, maxWorkgroupSize: 256 } }),
);

/** Validation found nothing but what the null adapter lacks: it has the memory of plain WebGPU; what a larger one must have, its message tells. */
export function expectWithinTile(found: readonly string[], tile: Tile, kernel: KernelRole, D: number): void {
  for (const message of found) {
    const bytes = Number(/workgroup storage \((\d+) bytes\)/.exec(message)?.[1] ?? Number.NaN);
    expect(bytes, message).toBeLessThanOrEqual(tileBytes(tile, kernel, D));
  }
}

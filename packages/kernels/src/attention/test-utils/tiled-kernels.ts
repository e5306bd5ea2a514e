import type { Device, KernelDefinition } from "@dilated/core";
import { expect } from "vitest";
import { attentionBackwardKey, attentionBackwardQuery } from "../webgpu/backward.ts";
import { attentionForward } from "../webgpu/forward.ts";
import { type Tile, type TileKernel, tileBytes } from "../webgpu/unrolled/tile-size.ts";

/** The kernels that are cut in tiles of f32 arithmetic. */
export const TILED: readonly (readonly [TileKernel, KernelDefinition])[] = [
  ["forward", attentionForward as KernelDefinition],
  ["query", attentionBackwardQuery as KernelDefinition],
  ["key", attentionBackwardKey as KernelDefinition],
];

/** Plain WebGPU, and a large GPU. */
export const DEVICES: readonly Device[] = [16_384, 49_152].map(
  (maxWorkgroupMemory) =>
    ({ info: { software: false }, limits: { maxWorkgroupMemory, maxWorkgroupSize: 256 } }) as unknown as Device,
);

/** Validation found nothing but what the null adapter lacks: it has the memory of plain WebGPU; what a larger one must have, its message tells. */
export function expectWithinTile(found: readonly string[], tile: Tile, kernel: TileKernel, D: number): void {
  for (const message of found) {
    const bytes = Number(/workgroup storage \((\d+) bytes\)/.exec(message)?.[1] ?? Number.NaN);
    expect(bytes, message).toBeLessThanOrEqual(tileBytes(tile, kernel, D));
  }
}

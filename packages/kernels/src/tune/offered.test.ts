import type { Device, DType, KernelDefinition } from "@dilated/core";
import { validateWgsl } from "@dilated-internal/testing/validate-wgsl";
import { describe, expect, it } from "vitest";
import { attentionBackwardKey, attentionBackwardQuery } from "../attention/kernels/backward.ts";
import { attentionForward } from "../attention/kernels/forward.ts";
import { chooseTile, type Tile, type TileKernel, tileBytes } from "../attention/kernels/tile-size.ts";
import { nameOf, observe } from "./choice.ts";

const KERNELS: readonly (readonly [TileKernel, KernelDefinition])[] = [
  ["forward", attentionForward as KernelDefinition],
  ["query", attentionBackwardQuery as KernelDefinition],
  ["key", attentionBackwardKey as KernelDefinition],
];

/** Plain WebGPU, and a large GPU. */
const DEVICES = [16_384, 49_152].map(
  (maxWorkgroupMemory) =>
    ({ info: { software: false }, limits: { maxWorkgroupMemory, maxWorkgroupSize: 256 } }) as unknown as Device,
);

/** Every tile that attention without matrix units offers for D. */
function offered(kernel: TileKernel, D: number): Tile[] {
  const tiles = DEVICES.flatMap((device) => [...observe(device, () => void chooseTile(device, kernel, D)).values()]);
  return [...new Map(tiles.flat().map((tile) => [nameOf(tile), tile as Tile])).values()];
}

describe("every tile of attention that a tuner may choose is valid WGSL", () => {
  it.each(KERNELS)("%s", { timeout: 120_000 }, async (name, kernel) => {
    for (const D of [32, 64, 100, 128, 256]) {
      const tiles = offered(name, D);
      expect(tiles.length).toBeGreaterThan(0);
      for (const tile of tiles) {
        const dtypes = Object.entries(kernel.tensors).map(([tensor, { optional }]): DType | undefined => {
          if (tensor === "plan") return "u32";
          return optional ? undefined : "f32";
        });
        const constants = { ...tile, D, DROPOUT: false, ...(name === "forward" ? {} : { HAS_MASK: false }) };
        const found = await validateWgsl(kernel, { dtypes, constants });
        // The null adapter has the memory of plain WebGPU; what a larger one must have, its message tells.
        for (const message of found) {
          const bytes = Number(/workgroup storage \((\d+) bytes\)/.exec(message)?.[1] ?? Number.NaN);
          expect(bytes, message).toBeLessThanOrEqual(tileBytes(tile, name, D));
        }
      }
    }
  });
});

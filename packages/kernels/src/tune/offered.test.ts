import type { DType } from "@dilated/core";
import { validateWgsl } from "@dilated-internal/testing/validate-wgsl";
import { describe, expect, it } from "vitest";
import { DEVICES, expectWithinTile, TILED } from "../attention/test-utils/tiled-kernels.ts";
import type { KernelRole } from "../attention/webgpu/kernels.ts";
import { chooseTile, type Tile } from "../attention/webgpu/unrolled/tile-size.ts";
import { nameOf, observe } from "./choice.ts";

/** Every tile that attention without matrix units offers for D. */
function offered(kernel: KernelRole, D: number): Tile[] {
  const tiles = DEVICES.flatMap((device) => [...observe(device, () => void chooseTile(device, kernel, D)).values()]);
  return [...new Map(tiles.flat().map((tile) => [nameOf(tile), tile as Tile])).values()];
}

describe("every tile of attention that a tuner may choose is valid WGSL", () => {
  it.each(TILED)("%s", async (name, kernel) => {
    for (const D of [32, 64, 100, 128, 256]) {
      const tiles = offered(name, D);
      expect(tiles.length).toBeGreaterThan(0);
      for (const tile of tiles) {
        const dtypes = Object.entries(kernel.tensors).map(([tensor, { optional, dtype }]): DType | undefined => {
          if (optional) return undefined;
          return dtype ?? (tensor === "plan" ? "u32" : "f32");
        });
        const constants = {
          ...tile,
          D,
          DV: D,
          DROPOUT: false,
          SOFTCAP: 0,
          ...(name === "forward" ? {} : { HAS_MASK: false }),
        };
        const found = await validateWgsl(kernel, { dtypes, constants });
        expectWithinTile(found, tile, name, D);
      }
    }
  });
});

import type { DType, KernelDefinition } from "@dilated/core";
import { validateWgsl } from "@dilated-internal/testing/validate-wgsl";
import { describe, expect, it } from "vitest";
import { dilatedText } from "../schedule/dilated/dilated.ts";
import { DEVICES, expectWithinTile, TILED } from "../test-utils/tiled-kernels.ts";
import { kernelsFor } from "./kernels.ts";
import { attentionMerge } from "./merge/merge.ts";
import { attentionScan } from "./repair/scan.ts";
import { attentionRowStats } from "./row-stats/row-stats.ts";
import { usableTiles } from "./unrolled/tile-size.ts";

const WIDTHS = [4, 8, 12, 28, 32, 36, 64, 96, 100, 128, 132, 192, 252, 256];
/** Head dims of q and k, and of v. */
const HEADS = [...WIDTHS.map((D) => [D, D] as const), [4, 256], [256, 4], [36, 100], [192, 128]] as const;

/** dtypes in slot order: what a call can bind. */
function dtypesOf(kernel: KernelDefinition, half: boolean, optional: boolean): (DType | undefined)[] {
  return Object.entries(kernel.tensors).map(([name, slot]) => {
    if (slot.optional && !optional) return undefined;
    if (slot.dtype || name === "plan") return slot.dtype ?? "u32";
    return slot.view === "vec4" && half ? "f16" : "f32";
  });
}

describe("every variant of the attention kernels is valid WGSL within the limits of its device", () => {
  it.each(TILED)("%s", async (name, kernel) => {
    for (const [i, [D, DV]] of HEADS.entries()) {
      const widest = Math.max(D, DV);
      const tiles = DEVICES.map((device) => usableTiles(device, name, widest));
      for (const usable of tiles) expect(usable.length, `D = ${D}`).toBeGreaterThan(0);
      for (const tile of new Set(tiles.flat())) {
        const on = i % 2 === 0; // a tile serves several widths: one has all options, the next none
        const constants = {
          ...tile,
          D,
          DV,
          DROPOUT: on,
          SOFTCAP: Number(on),
          ...(name === "forward" ? {} : { HAS_MASK: on }),
        };
        const found = await validateWgsl(kernel, { dtypes: dtypesOf(kernel, on, on), constants });
        expectWithinTile(found, tile, name, widest);
      }
    }
  });

  it.each(Object.values(kernelsFor(dilatedText).rolled))("$name", async (kernel) => {
    for (const [D, DV] of HEADS) {
      for (const half of [false, true]) {
        const constants = { D, DV, DROPOUT: true, ...("mask" in kernel.tensors ? {} : { HAS_MASK: true }) };
        const dtypes = dtypesOf(kernel as KernelDefinition, half, true);
        expect(await validateWgsl(kernel as KernelDefinition, { dtypes, constants }), `D = ${D}`).toEqual([]);
      }
    }
  });

  it.each([attentionMerge, attentionRowStats, attentionScan])("$name", async (kernel) => {
    for (const half of [false, true]) {
      for (const optional of [false, true]) {
        expect(
          await validateWgsl(kernel as KernelDefinition, {
            dtypes: dtypesOf(kernel as KernelDefinition, half, optional),
            constants: kernel === (attentionRowStats as KernelDefinition) ? { THREADS: 64, PASSES: 1 } : {},
          }),
        ).toEqual([]);
      }
    }
  });
});

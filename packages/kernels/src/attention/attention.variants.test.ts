import type { DType, KernelDefinition } from "@dilated/core";
import { validateWgsl } from "@dilated-internal/testing/validate-wgsl";
import { describe, expect, it } from "vitest";
import { attentionBackwardKey, attentionBackwardQuery } from "./kernels/backward.ts";
import { attentionForward } from "./kernels/forward.ts";
import { attentionMerge } from "./kernels/merge.ts";
import { attentionRowStats } from "./kernels/row-stats.ts";

const WIDTHS = [4, 8, 12, 28, 32, 36, 64, 96, 100, 128, 132, 192, 252, 256];

/** dtypes in slot order: what a call can bind. */
function dtypesOf(kernel: KernelDefinition, half: boolean, optional: boolean): (DType | undefined)[] {
  return Object.entries(kernel.tensors).map(([name, slot]) => {
    if (slot.optional && !optional) return undefined;
    if (name === "plan" || name === "mask") return "u32";
    return slot.view === "vec4" && half ? "f16" : "f32";
  });
}

describe("every variant of the attention kernels is valid WGSL within plain WebGPU's limits", () => {
  it.each([attentionForward, attentionBackwardQuery, attentionBackwardKey])(
    "$name",
    { timeout: 120_000 },
    async (kernel) => {
      for (const D of WIDTHS) {
        for (const flags of [0, 1, 2, 3]) {
          const [half, on] = [(flags & 1) === 1, (flags & 2) === 2];
          const constants = {
            TY: 8,
            RT: 4,
            ROLLED: on,
            D,
            DROPOUT: on,
            ...(kernel === (attentionForward as KernelDefinition) ? {} : { HAS_MASK: on }),
          };
          expect(
            await validateWgsl(kernel as KernelDefinition, {
              dtypes: dtypesOf(kernel as KernelDefinition, half, on),
              constants,
            }),
            `D = ${D}`,
          ).toEqual([]);
        }
      }
    },
  );

  it.each([attentionMerge, attentionRowStats])("$name", async (kernel) => {
    for (const half of [false, true]) {
      for (const optional of [false, true]) {
        expect(
          await validateWgsl(kernel as KernelDefinition, {
            dtypes: dtypesOf(kernel as KernelDefinition, half, optional),
            constants: {},
          }),
        ).toEqual([]);
      }
    }
  });
});

import type { DeviceInfo } from "@dilated/core";
import { type BoundCall, recordingDevice } from "@dilated-internal/testing/recording-device";
import { expect, test } from "vitest";
import { tune } from "../tune.ts";

// What a GPU is offered, without one: software adapters have one variant of each kernel.

const matrix: Partial<DeviceInfo> = {
  tier: "matrix",
  matrix: [{ operand: "f16", result: "f32", M: 16, N: 16, K: 16, lanes: 32 }],
};

/** Another time for each variant of each kernel. */
function ms({ kernel, constants }: BoundCall): number {
  let sum = 0;
  for (const char of kernel.name + JSON.stringify(constants)) sum = (sum * 31 + char.charCodeAt(0)) % 1009;
  return 5 + sum / 100;
}

const attention = { shape: [2, 256, 4, 64], keyHeads: 2, branches: [{ segment: 64, dilation: 1 }], causal: true };
/** K is long enough to be cut, which takes a temporary. */
const matmul = { m: 64, n: 64, k: 4096, transposeB: true, gradients: true };

test.each([
  {
    info: matrix,
    keys: [
      ["attention forward f16 [2, 256, 4, 64] causal", "attention.forward.64"],
      ["attention dQ f16 [2, 256, 4, 64] causal", "attention.query.64"],
      ["attention dK, dV f16 [2, 256, 4, 64] causal", "attention.key.64"],
      ["matmul nt f16 64 x 64 x 4096", "matmul.matrix f16 nt 0 6 6 12"],
      ["matmul nn f16 64 x 4096 x 64", "matmul.matrix f16 nn 0 6 12 6"],
      ["matmul tn f16 64 x 4096 x 64", "matmul.matrix f16 tn 0 6 12 6"],
    ],
  },
  {
    info: { tier: "vector" } as const,
    keys: [
      ["attention forward f32 [2, 256, 4, 64] causal", "attention.tile.forward.64"],
      ["attention dQ f32 [2, 256, 4, 64] causal", "attention.tile.query.64"],
      ["attention dK, dV f32 [2, 256, 4, 64] causal", "attention.tile.key.64"],
      ["matmul nt f32 64 x 64 x 4096", "matmul.tile nt 0 6 6 12"],
      ["matmul nn f32 64 x 4096 x 64", "matmul.tile nn 0 6 12 6"],
      ["matmul tn f32 64 x 4096 x 64", "matmul.tile tn 0 6 12 6"],
    ],
  },
])("each kernel of $info.tier is tuned by the work that launches it", async ({ info, keys }) => {
  const { device, queued, warmed } = recordingDevice({ info, ms });
  const report = await tune(device, { attention, matmul, budgetMs: 60_000 });
  expect(report).toMatchObject({ problems: [], unfinished: [], known: [] });
  expect(report.keys.map(({ workload, key }) => [workload, key])).toEqual(keys);
  for (const { key, candidates, complete } of report.keys) {
    expect(complete, key).toBe(true);
    // Times tell that the variant is what the work launched.
    expect(new Set(candidates.map((candidate) => candidate.ms)).size, key).toBe(candidates.length);
    expect(candidates.length, key).toBeGreaterThan(1);
  }
  // Compiled ahead, with all tensors alive; only what makes operands is not.
  expect(warmed.filter(({ freed }) => freed > 0)).toEqual([]);
  const ahead = new Set(warmed.map(({ kernel }) => kernel));
  const late = new Set(queued.filter((kernel) => !ahead.has(kernel)));
  expect([...late].sort()).toEqual(
    info.tier === "matrix" ? ["cast_f32_f16", "copy", "random_normal"] : ["random_normal"],
  );
  // What stays are tables that later calls find again.
  expect(Object.keys(device.stats().byLabel).sort()).toEqual(["attention plan", "normal table"]);
});

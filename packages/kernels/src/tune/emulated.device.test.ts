import { onEmulatedMatrix } from "@dilated-internal/testing/on-emulated-matrix";
import { expect } from "vitest";
import { tune } from "./tune.ts";

// The cuts that a GPU with matrix units chooses among, compared with each other and timed. Two subgroups at most: more take longer to compile.
onEmulatedMatrix(
  "tune",
  { operand: "f16", M: 8, N: 8, K: 8 },
  (add) => {
    add("attention and its gradients, every cut right", async (device) => {
      Object.assign(device.limits, { maxWorkgroupSize: 16 });
      const branches = [
        { segment: 32, dilation: 1 },
        { segment: 128, dilation: 2 },
      ];
      const report = await tune(device, { attention: { shape: [1, 128, 2, 16], branches }, budgetMs: 500_000 });
      expect(report).toMatchObject({ problems: [], unfinished: [] });
      expect(report.keys.map(({ key, candidates }) => [key, candidates.filter(({ ms }) => ms).length])).toEqual([
        ["attention.forward.16", 3],
        ["attention.query.16", 2],
        ["attention.key.16", 2],
      ]);
      const left = Object.keys(device.stats().byLabel);
      expect(left.filter((label) => !["attention plan", "normal table"].includes(label))).toEqual([]);
    });
  },
  ["attention_forward_matrix", "attention_backward_query_matrix", "attention_backward_key_matrix"],
  { thorough: true },
);

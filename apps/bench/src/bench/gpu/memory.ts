import { gpuStatus } from "../nvidia-smi.ts";
import { EAGER_LONGNET } from "./attention-peers.ts";
import { attentionOutcome, attentionTask } from "./attention-task.ts";
import { forEachRunner, type GpuContext } from "./context.ts";
import { benchBranches, HEAD_DIM, HEADS } from "./patterns.ts";
import { peerRow } from "./peer-row.ts";

/** Peak memory of forward, and of forward and backward: bytes of tensors, and what the driver says the process took. */
export async function memorySuite(context: GpuContext): Promise<void> {
  const one = { ...context, runners: context.runners.slice(0, 1) }; // switches do not change what is allocated
  for (const N of context.sizes ?? (context.quick ? [1_048_576] : [32_768, 131_072, 262_144, 524_288, 1_048_576])) {
    for (const backward of [false, true]) {
      const branches = benchBranches(N);
      const run = { N, H: HEADS, dtype: "f16", causal: false, backward, branches } as const;
      const task = attentionTask("memory", "dilated", run);
      await forEachRunner(one, task, async (runner) => {
        runner.device.trim();
        const before = await gpuStatus();
        return attentionOutcome(runner, run, { atMost: 5 }, async () => {
          const after = await gpuStatus(); // pooled memory is still the process's
          return before && after ? { processBytes: after.usedBytes - before.usedBytes } : {};
        });
      });
      const pairs = branches.map(({ segment, dilation }) => [segment, dilation]);
      const request = { kind: "dilated", N, H: HEADS, D: HEAD_DIM, backward, branches: pairs, runs: 3 } as const;
      await peerRow(context, task, EAGER_LONGNET, request);
    }
  }
}

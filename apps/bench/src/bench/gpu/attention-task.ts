import { checkAttention, verdict } from "../check/attention.ts";
import type { Task } from "../row.ts";
import type { Outcome } from "./context.ts";
import { measure, type Repeat } from "./measure.ts";
import { type AttentionCase, disposeAll, makeOperands, runCase } from "./operands.ts";
import { conventionalFlops } from "./patterns.ts";
import type { Runner } from "./variants.ts";

/** Runs one attention case: first run apart, check, then time and memory. */
export async function attentionOutcome(
  { device }: Runner,
  run: AttentionCase,
  repeat: Repeat = {},
  between: () => Promise<Partial<Outcome>> = async () => ({}),
): Promise<Outcome> {
  const operands = makeOperands(device, run);
  try {
    await device.sync();
    device.resetPeak();
    const started = performance.now();
    const results = runCase(operands, run);
    let firstMs: number;
    let error: Outcome;
    try {
      await device.sync();
      firstMs = performance.now() - started;
      const errors = await checkAttention(device, operands, results, run);
      error = { errors, error: Math.max(...Object.values(errors)) };
      const wrong = verdict(errors, run.dtype);
      if (wrong) return { ...error, note: `WRONG: ${wrong}; not timed` };
    } finally {
      disposeAll({ ...results });
    }
    device.trim(); // what the check needed
    device.resetPeak();
    const work = (): void => disposeAll({ ...runCase(operands, run) });
    const measured = await measure(device, work, repeat);
    const peakBytes = device.stats().peak;
    const more = await between();
    const { kernels } = (await device.profile(work)).profile;
    const flops =
      (run.cuSeqlens ? packedShare(run.cuSeqlens) : 1) * conventionalFlops(run.N, run.H, run.branches, run.backward);
    const tokensPerSecond = (run.N / measured.ms) * 1000;
    return {
      ...measured,
      ...error,
      ...more,
      kernels,
      firstMs,
      peakBytes,
      tokensPerSecond,
      gflops: flops / measured.ms / 1e6,
    };
  } finally {
    disposeAll({ ...operands });
  }
}

/** The task that a case belongs to. */
export function attentionTask(suite: Task["suite"], op: "dilated" | "dense", run: AttentionCase): Task {
  const { N, dtype, causal, backward, cuSeqlens } = run;
  const task = { suite, op, size: N, dtype, causal, pass: backward ? "forward+backward" : "forward" } as const;
  return cuSeqlens ? { ...task, mask: "documents" } : task;
}

/** Of the pairs of dense attention, those within documents. */
function packedShare(cuSeqlens: readonly number[]): number {
  const N = cuSeqlens.at(-1) ?? 0;
  return cuSeqlens.reduce((sum, end, i) => sum + (end - (cuSeqlens[i - 1] ?? 0)) ** 2, 0) / N ** 2;
}

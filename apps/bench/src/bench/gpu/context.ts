import { DilatedError } from "@dilated/core";
import type { Budget } from "../budget.ts";
import { withHeartbeat } from "../heartbeat.ts";
import type { PyTorch } from "../peers/pytorch.ts";
import { describeTask, type Row, type Task } from "../row.ts";
import type { Runner } from "./variants.ts";

/** What a GPU suite is given. */
export interface GpuContext {
  readonly runners: readonly Runner[];
  /** Absent where there is no PyTorch with CUDA, or nobody asked for it. */
  readonly pytorch: PyTorch | undefined;
  /** Replaces the suite's own sizes. */
  readonly sizes: readonly number[] | undefined;
  /** Fewer sizes, fewer repeats. */
  readonly quick: boolean;
  readonly budget: Budget;
  /** Takes each row as soon as it is known. */
  readonly emit: (row: Row) => void;
  /** Told now and then while something slow goes on. */
  readonly waiting: (what: string, seconds: number) => void;
}

/** What one runner found out about a task. */
export type Outcome = Omit<Row, keyof Task | "what" | "who">;

/** Runs `work` for each runner, and gives each outcome, or why there is none, to `emit`. */
export async function forEachRunner(
  context: GpuContext,
  task: Task,
  work: (runner: Runner) => Promise<Outcome>,
): Promise<void> {
  for (const runner of context.runners) {
    const row = { ...task, what: describeTask(task), who: runner.who };
    if (context.budget.spent) {
      context.emit({ ...row, note: "skipped: the time budget is spent" });
      continue;
    }
    try {
      const slow = (seconds: number): void => context.waiting(`${row.what} | ${row.who}`, seconds);
      context.emit({ ...row, ...(await withHeartbeat(work(runner), slow)) });
    } catch (error) {
      const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
      context.emit({ ...row, note: `failed: ${reason?.slice(0, 160)}` });
      if (!DilatedError.is(error)) console.error(error);
    }
    try {
      runner.device.trim();
    } catch {} // a device that was lost has nothing to give back; its next task says so
  }
}

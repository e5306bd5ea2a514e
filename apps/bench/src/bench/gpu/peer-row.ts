import { withHeartbeat } from "../heartbeat.ts";
import type { PyTorchReply, PyTorchRequest } from "../peers/pytorch.ts";
import { describeTask, type Row, type Task } from "../row.ts";
import type { GpuContext } from "./context.ts";

/** Asks PyTorch for the same task, and gives its row to `emit`. */
export async function peerRow(context: GpuContext, task: Task, who: string, request: PyTorchRequest): Promise<void> {
  const { pytorch, budget, emit } = context;
  if (!pytorch) return;
  const row = { ...task, what: describeTask(task), who };
  if (budget.spent) return emit({ ...row, note: "skipped: the time budget is spent" });
  const asked = pytorch.ask({ ...request, ...(context.quick ? { runs: 5 } : {}) });
  const reply = await withHeartbeat(asked, (seconds) => context.waiting(`${row.what} | ${who}`, seconds));
  emit({ ...row, ...outcome(reply) });
}

/** A reply as the fields of a row. */
export function outcome(reply: PyTorchReply): Partial<Row> {
  const { failed, wrong, ms, wallMs, firstMs, runs, peakBytes, flops, error, losses, tokensPerSecond, maskMs } = reply;
  if (wrong !== undefined) return { note: `WRONG: ${wrong}` };
  if (failed !== undefined || ms === undefined) return { note: `failed: ${failed ?? "no time in the reply"}` };
  const known = { ms, gpuMs: ms, wallMs, firstMs, runs, peakBytes, error, losses, tokensPerSecond, maskMs };
  const given = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined && value !== null));
  return { ...given, ...(flops === undefined ? {} : { gflops: flops / ms / 1e6 }) };
}

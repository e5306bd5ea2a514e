import { attentionOutcome, attentionTask } from "./attention-task.ts";
import { forEachRunner, type GpuContext } from "./context.ts";
import type { AttentionCase } from "./operands.ts";
import { benchBranches, HEAD_DIM, HEADS } from "./patterns.ts";
import { peerRow } from "./peer-row.ts";

const SIZES = [8_192, 32_768, 131_072, 1_048_576];

/** Dilated attention against LongNet's in PyTorch, N by N, forward and backward, causal and not; then dense and f32 attention against SDPA. */
export async function attentionSuite(context: GpuContext): Promise<void> {
  const repeat = context.quick ? { atMost: 7, budgetMs: 300 } : {};
  for (const run of cases(context)) {
    const task = attentionTask("attention", run.op, run);
    await forEachRunner(context, task, (runner) => attentionOutcome(runner, run, repeat));
    if (run.op === "dense" || run.dtype === "f16") await peerRow(context, task, peerOf(run), request(run));
  }
}

type Case = AttentionCase & { readonly op: "dilated" | "dense" };

function cases({ sizes, quick }: GpuContext): Case[] {
  const all: Case[] = [];
  const add = (op: Case["op"], N: number, dtype: "f16" | "f32", causal: boolean, backward: boolean): void => {
    const branches = op === "dense" ? [{ segment: N, dilation: 1 }] : benchBranches(N);
    all.push({ op, N, H: HEADS, dtype, causal, backward, branches });
  };
  for (const N of sizes ?? SIZES)
    for (const causal of [false, true])
      for (const backward of [false, true]) add("dilated", N, "f16", causal, backward);
  const small = sizes?.[0] ?? 8_192;
  add("dense", small, "f16", false, false);
  add("dense", small, "f32", false, false);
  for (const N of sizes ?? (quick ? [32_768] : [32_768, 131_072])) {
    add("dilated", N, "f32", false, false);
    add("dilated", N, "f32", false, true);
  }
  if (!quick) add("dense", small, "f16", false, true);
  return all;
}

function peerOf({ op, dtype }: Case): string {
  if (op === "dilated") return "PyTorch (torchscale's LongNet, FlashAttention-2)";
  return dtype === "f16" ? "PyTorch (SDPA, FlashAttention-2)" : "PyTorch (SDPA, memory-efficient)";
}

function request({ op, N, H, dtype, causal, backward, branches }: Case) {
  const pairs = branches.map(({ segment, dilation }) => [segment, dilation]);
  return { kind: op, N, H, D: HEAD_DIM, dtype, causal, backward, branches: pairs } as const;
}

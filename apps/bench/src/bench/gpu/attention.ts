import { type AttentionPeer, attentionPeers, type Case, documentBounds, FLEX } from "./attention-peers.ts";
import { attentionOutcome, attentionTask } from "./attention-task.ts";
import { forEachRunner, type GpuContext } from "./context.ts";
import { benchBranches, HEAD_DIM, HEADS } from "./patterns.ts";
import { peerRow } from "./peer-row.ts";

const SIZES = [8_192, 32_768, 131_072, 1_048_576];
const DENSE = 8_192;
const WINDOW = 1_024;

/** Dilated attention against LongNet's in PyTorch, N by N, forward and backward, causal and not. */
export async function attentionSuite(context: GpuContext): Promise<void> {
  const sizes = context.sizes ?? SIZES;
  for (const N of sizes) for (const run of each(N, "dilated", "f16", [false, true])) await runCase(context, run);
  for (const N of context.sizes ?? (context.quick ? [32_768] : [32_768, 131_072]))
    for (const run of each(N, "dilated", "f32", [false])) await runCase(context, run);
}

/** Dense attention against every dense kernel of PyTorch, FlexAttention with its masks among them. */
export async function denseSuite(context: GpuContext): Promise<void> {
  for (const N of context.sizes ?? [DENSE]) {
    for (const run of each(N, "dense", "f16", [false, true])) await runCase(context, run);
    const [forward] = each(N, "dense", "f32", [false]);
    if (forward) await runCase(context, forward);
    for (const run of each(N, "dense", "f16", [true])) await runCase(context, { ...run, cuSeqlens: documentBounds(N) });
    for (const run of each(N, "dense", "f16", [true])) await windowPeer(context, run);
  }
}

function each(N: number, op: Case["op"], dtype: "f16" | "f32", masks: readonly boolean[]): Case[] {
  const branches = op === "dense" ? [{ segment: N, dilation: 1 }] : benchBranches(N);
  return masks.flatMap((causal) =>
    [false, true].map((backward) => ({ op, N, H: HEADS, dtype, causal, backward, branches })),
  );
}

async function runCase(context: GpuContext, run: Case): Promise<void> {
  const repeat = context.quick ? { atMost: 7, budgetMs: 300 } : {};
  const task = attentionTask(run.op === "dense" ? "dense" : "attention", run.op, run);
  await forEachRunner(context, task, (runner) => attentionOutcome(runner, run, repeat));
  for (const [who, request] of attentionPeers(run)) await peerRow(context, task, who, request);
}

/** Only FlexAttention has a window yet. */
async function windowPeer(context: GpuContext, { N, H, dtype, causal, backward, branches }: Case): Promise<void> {
  const task = attentionTask("dense", "dense", { N, H, dtype, causal, backward, branches });
  const mask = { mask: "window", window: WINDOW };
  const [who, request]: AttentionPeer = [FLEX, { kind: "flex", N, H, D: HEAD_DIM, dtype, backward, ...mask }];
  await peerRow(context, { ...task, mask: "window" }, who, request);
}

import { gpuStatus } from "../nvidia-smi.ts";
import { attentionOutcome, attentionTask } from "./attention-task.ts";
import { forEachRunner, type GpuContext, type Outcome } from "./context.ts";
import { headsAtOnce } from "./head-groups.ts";
import { benchBranches, conventionalFlops, HEADS } from "./patterns.ts";
import type { Runner } from "./variants.ts";

const QUICK = [15, 17, 20, 22];
const FULL = [13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 24];

/** Bytes that are assumed where nobody says: what a small discrete GPU has. */
const MODEST_MEMORY = 8e9;

/** Forward passes over N = 2^13 to 2^24 tokens, under the first set of switches: the time of a token should not depend on N. */
export async function scalingSuite(given: GpuContext): Promise<void> {
  const context = { ...given, runners: given.runners.slice(0, 1) };
  const memory = (await gpuStatus())?.totalBytes ?? MODEST_MEMORY;
  for (const N of context.sizes ?? (context.quick ? QUICK : FULL).map((exponent) => 2 ** exponent)) {
    const run = { N, H: HEADS, dtype: "f16", causal: false, backward: false, branches: benchBranches(N) } as const;
    await forEachRunner(context, attentionTask("scaling", "dilated", run), (runner) => byGroups(runner, N, memory));
  }
}

/** All heads, as many at once as fit; times add up. */
async function byGroups(runner: Runner, N: number, memory: number): Promise<Outcome> {
  const heads = headsAtOnce(runner.device, N, "f16", memory);
  const run = { N, H: heads, dtype: "f16", causal: false, backward: false, branches: benchBranches(N) } as const;
  const groups: Outcome[] = [];
  for (let i = 0; i < HEADS / heads; i++) {
    const group = await attentionOutcome(runner, run, { atMost: 7, budgetMs: 500 });
    if (group.ms === undefined) return group;
    groups.push(group);
  }
  const [first] = groups;
  if (!first || groups.length === 1) return first ?? {};
  const sum = (of: (group: Outcome) => number | undefined): number =>
    groups.reduce((ms, group) => ms + (of(group) ?? 0), 0);
  const ms = sum((group) => group.ms);
  return {
    ...first,
    ms,
    gpuMs: sum((group) => group.gpuMs),
    wallMs: sum((group) => group.wallMs),
    tokensPerSecond: (N / ms) * 1000,
    gflops: conventionalFlops(N, HEADS, run.branches, false) / ms / 1e6,
    error: Math.max(...groups.map((group) => group.error ?? Number.NaN)),
    note: `${groups.length} groups of ${heads} heads, one after another`,
  };
}

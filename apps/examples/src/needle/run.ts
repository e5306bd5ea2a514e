import { ConfigError, type Device } from "@dilated/core";
import type { TrainStep } from "@dilated/models";
import { isGpu } from "../shared/program.ts";
import type { Options } from "./options.ts";
import { headsFor, PATTERNS, type Pattern, patternsFor } from "./patterns.ts";
import { type RecallPlan, type RecallResult, runRecall } from "./recall.ts";

/** One pattern with the results of all seeds. */
export interface PatternResult {
  readonly pattern: Pattern;
  readonly runs: readonly RecallResult[];
}

/** What a run comes to. */
export interface NeedleResult {
  readonly plan: RecallPlan;
  readonly patterns: readonly PatternResult[];
}

/**
 * Sizes for this device; options win.
 *
 * @throws ConfigError when the width does not fit the heads.
 */
export function planNeedle(gpu: boolean, options: Options): RecallPlan {
  const length = options.length ?? (gpu ? 8192 : 1024);
  const heads = headsFor(length);
  if (options.dim % (4 * heads) !== 0) {
    throw new ConfigError("needle: the model is too narrow for its heads", {
      details: [`--dim ${options.dim}`, `--length ${length} takes ${heads} heads, each a multiple of 4 wide`],
      fix: `use --dim ${4 * heads * Math.ceil(options.dim / (4 * heads))}`,
    });
  }
  const slot = Math.max(heads, patternsFor({ length, heads, layers: 1 }).dilated.branches[0]?.segment ?? 1);
  const { dim, layers, steps, samples, seed, keys, values } = options;
  const task = { keys, values, filler: 32 };
  const tokens = Math.max(options.tokens, length);
  return { task, length, dim, heads, layers, steps, tokens, slot, peakLearningRate: 4e-3, samples, seed };
}

/** Trains and measures every pattern with every seed: the same model, data and steps, so that only the pattern differs. */
export async function runNeedle(
  device: Device,
  options: Options,
  progress: (label: string) => (step: TrainStep) => void,
  signal: AbortSignal,
): Promise<NeedleResult> {
  const plan = planNeedle(isGpu(device), options);
  const all = patternsFor(plan);
  const patterns: PatternResult[] = [];
  for (const name of PATTERNS) {
    const runs: RecallResult[] = [];
    for (let i = 0; i < options.seeds; i++) {
      const label = options.seeds > 1 ? `${name}, seed ${options.seed + i}` : name;
      runs.push(await runRecall(device, all[name], { ...plan, seed: options.seed + i }, progress(label), signal));
    }
    patterns.push({ pattern: all[name], runs });
  }
  return { plan, patterns };
}

/** Accuracy of each octave, over all seeds. */
export function meanAccuracies({ runs }: PatternResult): number[] {
  const octaves = runs[0]?.accuracies ?? [];
  return octaves.map((_, i) => {
    const [right, asked] = runs.reduce(
      ([r, a], run) => [r + (run.accuracies[i]?.right ?? 0), a + (run.accuracies[i]?.asked ?? 0)],
      [0, 0],
    );
    return right / asked;
  });
}

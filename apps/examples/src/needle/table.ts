import type { Branch } from "@dilated/kernels";
import { meanAccuracies, type NeedleResult } from "./run.ts";

/** "(8, 1) (64, 2)" */
export const formatBranches = (branches: readonly Branch[]): string =>
  branches.map(({ segment, dilation }) => `(${segment}, ${dilation})`).join(" ");

/** "4–7" */
export const formatOctave = ({ from, to }: { from: number; to: number }): string => `${from}–${to - 1}`;

/** What was compared and how often it answered, as text. */
export function resultTable({ plan, patterns }: NeedleResult): string {
  const octaves = patterns[0]?.runs[0]?.accuracies ?? [];
  const names = patterns.map(({ pattern }) => pattern.name);
  const row = (label: string, cells: readonly string[]) =>
    `  ${label.padEnd(20)}${cells.map((cell) => cell.padStart(12)).join("")}`;
  const costs = patterns.map(({ pattern, runs }) => ({
    pairs: pattern.pairs.toLocaleString("en"),
    reach: `${(100 * pattern.reach).toFixed(1)} %`,
    parameters: (runs[0]?.parameters ?? 0).toLocaleString("en"),
    seconds: `${(runs.reduce((sum, run) => sum + run.trainSeconds, 0) / runs.length).toFixed(0)} s`,
  }));
  const accuracies = patterns.map(meanAccuracies);
  return [
    ...patterns.map(({ pattern }) => `  ${pattern.name.padEnd(20)}(w, r): ${formatBranches(pattern.branches)}`),
    "",
    row("", names),
    row(
      "pairs a layer",
      costs.map(({ pairs }) => pairs),
    ),
    row(
      "places in reach",
      costs.map(({ reach }) => reach),
    ),
    row(
      "parameters",
      costs.map(({ parameters }) => parameters),
    ),
    row(
      "training took",
      costs.map(({ seconds }) => seconds),
    ),
    "",
    `  right answers, by distance in tokens (chance: ${(100 / plan.task.values).toFixed(1)} %)`,
    ...octaves.map((octave, i) =>
      row(
        formatOctave(octave),
        accuracies.map((list) => `${(100 * (list[i] ?? 0)).toFixed(1)} %`),
      ),
    ),
  ].join("\n");
}

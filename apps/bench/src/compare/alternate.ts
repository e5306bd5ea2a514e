import { median } from "../bench/gpu/measure.ts";
import type { Prepared, Side } from "./side.ts";

/** One task on both sides: medians, ms, and how they compare. */
export interface Comparison {
  readonly task: string;
  readonly a?: number;
  readonly b?: number;
  /** Median of the rounds' own B / A: what drifts between rounds is in both. */
  readonly ratio?: number;
  /** The lowest and the highest of the rounds' ratios. */
  readonly range?: readonly [number, number];
  readonly failed?: string;
}

/** Clocks sink while a GPU waits: each side works for at least this long before it is timed, ms on the wall. */
const WARM_MS = 60;

/** Runs a task on both sides in turn, A B and then B A, so that neither always comes first. A side that fails is told, and ends nothing. */
export async function alternate(task: string, a: Side, b: Side, rounds: number): Promise<Comparison> {
  const ready: Prepared[] = [];
  try {
    for (const side of [a, b]) {
      const prepared = await side.prepare(task);
      ready.push(prepared);
      const began = performance.now();
      for (let i = 0; i < 2 || performance.now() - began < WARM_MS; i++) await prepared.run();
    }
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++)
      for (const side of round % 2 === 0 ? [0, 1] : [1, 0])
        times[side as 0 | 1].push(await (ready[side] as Prepared).run());
    const ratios = times[0].map((time, i) => (times[1][i] as number) / time);
    const range = [Math.min(...ratios), Math.max(...ratios)] as const;
    return { task, a: median(times[0]), b: median(times[1]), ratio: median(ratios), range };
  } catch (error) {
    return { task, failed: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error) };
  } finally {
    for (const prepared of ready) prepared.dispose();
  }
}

/** A line of the table. */
export function format({ task, a = 0, b = 0, ratio = 0, range = [0, 0], failed }: Comparison): string {
  if (failed !== undefined) return `${task.padEnd(50)} failed: ${failed}`;
  const [low, high] = range.map((value) => value.toFixed(3));
  return `${task.padEnd(50)} ${a.toFixed(3).padStart(9)} ${b.toFixed(3).padStart(9)}   ${ratio.toFixed(3)} (${low} to ${high})`;
}

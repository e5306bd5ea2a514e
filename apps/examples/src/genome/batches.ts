import { LimitError, philox4x32, seedKey } from "@dilated/core";
import { kmerTokens } from "./kmers.ts";
import { reverseLabels } from "./labels.ts";
import { reverseComplement } from "./orfs.ts";
import type { Split } from "./windows.ts";

/** Bases with their classes. */
export interface Labelled {
  readonly bases: Uint8Array;
  /** [N], as `labelBases` gives them. */
  readonly labels: Uint8Array;
}

/** Tokens [B, N] and the class of each. */
export interface GenomeBatch {
  readonly tokens: Int32Array;
  readonly labels: Int32Array;
  readonly shape: readonly [number, number];
}

/** The runs of bases between stretches that are held out. */
export function trainingRuns(sources: readonly (Labelled & { readonly split: Split })[]): Labelled[] {
  return sources.flatMap(({ bases, labels, split: { stretch, isHeldOut } }) => {
    const runs: Labelled[] = [];
    let start = 0;
    const cut = (end: number): void => {
      if (end > start) runs.push({ bases: bases.subarray(start, end), labels: labels.subarray(start, end) });
    };
    for (let t = 0; t < bases.length; t += stretch) {
      if (!isHeldOut(t)) continue;
      cut(t);
      start = t + stretch;
    }
    cut(bases.length);
    return runs;
  });
}

/**
 * Random pieces of the runs, every other one read from the other strand: genes lie on both, and a model should know both. A function of
 * (seed, step) alone.
 *
 * @throws LimitError when no run is long enough.
 */
export function genomeBatches(
  runs: readonly Labelled[],
  { seq, batch, seed }: { readonly seq: number; readonly batch: number; readonly seed: number },
): (step: number) => GenomeBatch {
  const starts = runs.map(({ bases }) => Math.max(0, bases.length - seq + 1));
  const total = starts.reduce((sum, count) => sum + count, 0);
  if (total === 0) {
    const longest = Math.max(0, ...runs.map(({ bases }) => bases.length));
    throw new LimitError(`genome: no run of bases is long enough for a training sequence of ${seq}`, {
      details: [`longest run that is not held out: ${longest} bases`],
      fix: longest > 0 ? `use --seq ${longest} or less` : "pass a longer sequence",
    });
  }
  const [keyLow, keyHigh] = seedKey(seed, "genome");
  return (step) => {
    const tokens = new Int32Array(batch * seq);
    const labels = new Int32Array(batch * seq);
    for (let b = 0; b < batch; b++) {
      const [low = 0, high = 0, flip = 0] = philox4x32([step, b, 0, 0], [keyLow, 0x67656e6f ^ keyHigh]);
      let at = Math.floor(((low + high / 2 ** 32) / 2 ** 32) * total);
      const run = starts.findIndex((count) => {
        if (at < count) return true;
        at -= count;
        return false;
      });
      const source = runs[run] as Labelled;
      const bases = source.bases.subarray(at, at + seq);
      const classes = source.labels.subarray(at, at + seq);
      tokens.set(kmerTokens(flip % 2 === 0 ? bases : reverseComplement(bases)), b * seq);
      labels.set(flip % 2 === 0 ? classes : reverseLabels(classes), b * seq);
    }
    return { tokens, labels, shape: [batch, seq] };
  };
}

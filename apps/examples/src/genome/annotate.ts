import type { FastaRecord } from "./data/fasta.ts";
import { labelBases } from "./labels.ts";
import { dropOverlapping, findOrfs, type Orf } from "./orfs.ts";
import { labelWindows, type Split, splitOf, WINDOW, type Window } from "./windows.ts";

/** A sequence with what is known about it without any model. */
export interface Annotated {
  readonly id: string;
  readonly bases: Uint8Array;
  readonly orfs: readonly Orf[];
  /** The class of each base, by its frame. */
  readonly labels: Uint8Array;
  readonly windows: readonly Window[];
  readonly split: Split;
}

/** The shortest frame that counts as a gene, bases. */
export const SHORTEST_ORF = 300;

/** Shorter records have no stretch to hold out. */
const SHORTEST_RECORD = 20 * WINDOW;

/**
 * Reading frames, windows and held-out stretches of each record that is long enough.
 *
 * @param heldOut - "all" for a genome that nothing is learnt from
 */
export function annotate(records: readonly FastaRecord[], heldOut: "some" | "all" = "some"): Annotated[] {
  return records
    .filter(({ bases }) => bases.length >= SHORTEST_RECORD)
    .map(({ id, bases }) => {
      const orfs = dropOverlapping(findOrfs(bases, SHORTEST_ORF), bases.length);
      const split: Split = heldOut === "all" ? { stretch: bases.length, isHeldOut: () => true } : splitOf(bases.length);
      const labels = labelBases(bases.length, orfs);
      return { id, bases, orfs, labels, split, windows: labelWindows(labels, split.isHeldOut) };
    });
}

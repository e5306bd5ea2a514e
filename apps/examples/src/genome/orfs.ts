import { UNKNOWN } from "./data/fasta.ts";

/** An open reading frame: from a start codon to the next stop codon of its frame, both included. Places count on the forward strand. */
export interface Orf {
  /** First base, from 0. */
  readonly start: number;
  /** Behind the last base. */
  readonly end: number;
  readonly strand: "+" | "-";
}

/** A=0, C=1, G=2, T=3 -> 16·first + 4·second + third. */
const codon = (letters: string): number => [...letters].reduce((code, letter) => 4 * code + "ACGT".indexOf(letter), 0);

/** Bacteria's genetic code (NCBI table 11): its stops, and the three starts that make up nearly all genes. */
const STOPS = new Set(["TAA", "TAG", "TGA"].map(codon));
const STARTS = new Set(["ATG", "GTG", "TTG"].map(codon));

/**
 * Open reading frames of all six frames that have at least `minimum` bases, each with its earliest start. Unknown bases belong to no start and
 * no stop; frames that run off the end of the sequence are left out.
 */
export function findOrfs(bases: Uint8Array, minimum: number): Orf[] {
  const N = bases.length;
  const forward = scan(bases, minimum).map(({ start, end }) => ({ start, end, strand: "+" as const }));
  const backward = scan(reverseComplement(bases), minimum).map(({ start, end }) => ({
    start: N - end,
    end: N - start,
    strand: "-" as const,
  }));
  return [...forward, ...backward].sort((a, b) => a.start - b.start || a.end - b.end);
}

/**
 * Keeps the longest frames: one that shares more than `share` of its bases with a longer one goes. Genes overlap a little, and
 * the mirror image of a long gene often looks like a shorter one.
 */
export function dropOverlapping(orfs: readonly Orf[], N: number, share = 0.1): Orf[] {
  const taken = new Uint8Array(N);
  const kept = [...orfs]
    .sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start)
    .filter(({ start, end }) => {
      let shared = 0;
      for (let t = start; t < end; t++) shared += taken[t] as number;
      if (shared > share * (end - start)) return false;
      taken.fill(1, start, end);
      return true;
    });
  return kept.sort((a, b) => a.start - b.start);
}

/** The other strand, read in its own direction. */
export function reverseComplement(bases: Uint8Array): Uint8Array {
  return Uint8Array.from(bases, (_, i) => {
    const base = bases[bases.length - 1 - i] as number;
    return base === UNKNOWN ? UNKNOWN : 3 - base;
  });
}

/** Frames of one strand. */
function scan(bases: Uint8Array, minimum: number): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (let frame = 0; frame < 3; frame++) {
    let start = -1;
    for (let t = frame; t + 3 <= bases.length; t += 3) {
      const [a = 0, b = 0, c = 0] = bases.subarray(t, t + 3);
      if (a === UNKNOWN || b === UNKNOWN || c === UNKNOWN) continue;
      const code = 16 * a + 4 * b + c;
      if (STOPS.has(code)) {
        if (start >= 0 && t + 3 - start >= minimum) found.push({ start, end: t + 3 });
        start = -1;
      } else if (start < 0 && STARTS.has(code)) start = t;
    }
  }
  return found;
}

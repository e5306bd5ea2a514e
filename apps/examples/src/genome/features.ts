import { WINDOW, type Window } from "./windows.ts";

/** A table of numbers: one row a window. */
export interface Features {
  readonly name: string;
  readonly width: number;
  /** [windows, width] */
  readonly rows: Float32Array;
}

/** What has always been looked at first: the share of G and C. */
export function gcContent(bases: Uint8Array, windows: readonly Window[]): Features {
  const rows = Float32Array.from(windows, ({ start }) => {
    let count = 0;
    for (let t = start; t < start + WINDOW; t++) if (bases[t] === 1 || bases[t] === 2) count++;
    return count / WINDOW;
  });
  return { name: "GC content", width: 1, rows };
}

const TRIPLETS = 64;

/**
 * The classical statistics of coding sequence: frequencies of the 64 triplets at any place, and how strongly each base repeats every third
 * place (the power of its indicator at a third of a turn a base, which codons cause in whatever frame they are).
 *
 * @see Tiwari et al., Prediction of probable genes by Fourier analysis of genomic sequences (CABIOS 13, 1997)
 */
export function codonStatistics(bases: Uint8Array, windows: readonly Window[]): Features {
  const width = TRIPLETS + 4;
  const rows = new Float32Array(windows.length * width);
  windows.forEach(({ start }, i) => {
    const row = rows.subarray(i * width, (i + 1) * width);
    const phases = new Float64Array(12); // counts of each base at each place modulo 3
    for (let t = start; t < start + WINDOW; t++) {
      const [a = 4, b = 4, c = 4] = bases.subarray(t, t + 3);
      if (a < 4) phases[3 * a + ((t - start) % 3)] = (phases[3 * a + ((t - start) % 3)] as number) + 1;
      if (t + 3 <= start + WINDOW && a < 4 && b < 4 && c < 4) (row[16 * a + 4 * b + c] as number) += 1 / (WINDOW - 2);
    }
    for (let base = 0; base < 4; base++) row[TRIPLETS + base] = thirdPower(phases.subarray(3 * base, 3 * base + 3));
  });
  return { name: "3-mer frequencies and period 3", width, rows };
}

/** |Σ_p n_p e^(2πip/3)|² / WINDOW */
function thirdPower([a = 0, b = 0, c = 0]: Float64Array): number {
  return (a * a + b * b + c * c - a * b - b * c - c * a) / WINDOW;
}

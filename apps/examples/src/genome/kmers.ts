import { UNKNOWN } from "./data/fasta.ts";

/** Bases of a token: two codons, whose frequencies tell genes from the rest better than those of shorter words. */
const K = 6;

/** Tokens: every word of {@link K} bases, and one for words with an unknown base or off the end. */
export const VOCABULARY = 4 ** K + 1;

/** One token a base: the word of {@link K} bases around it (2 before, itself, 3 behind). */
export function kmerTokens(bases: Uint8Array): Int32Array {
  const before = Math.ceil(K / 2) - 1;
  const modulus = 4 ** K;
  const tokens = new Int32Array(bases.length).fill(modulus);
  let word = 0;
  let known = 0; // bases at the end of the word that are known
  for (let t = 0; t < bases.length; t++) {
    const base = bases[t] as number;
    known = base === UNKNOWN ? 0 : known + 1;
    word = (word * 4 + (base === UNKNOWN ? 0 : base)) % modulus;
    if (known >= K) tokens[t - (K - 1) + before] = word;
  }
  return tokens;
}

import { philox4x32 } from "@dilated/core";
import { BASES } from "./data/fasta.ts";
import { reverseComplement } from "./orfs.ts";

/** For tests: a made-up genome with planted genes on both strands, which prefer a few codons, and random bases between them. */
export function plantedGenome(genes: number, seed = 1): Uint8Array {
  let next = 0;
  const below = (count: number): number => (philox4x32([next++, 0, 0, 0], [seed, 0])[0] ?? 0) % count;
  const random = (count: number): number[] => Array.from({ length: count }, () => below(4));
  const favourites = ["GCG", "CTG", "GAA", "AAA", "GGC", "GTG", "ATC", "GAT"].map(encode);
  // A few codons of every kind, so that the other five frames meet stops.
  const codon = (): number[] => {
    const any = random(3);
    return below(10) < 6 || STOPS.includes(any.join("")) ? (favourites[below(8)] as number[]) : any;
  };
  const parts = Array.from({ length: genes }, () => {
    const body = Array.from({ length: 150 + below(150) }, codon);
    const gene = [encode("ATG"), ...body, encode("TAA")].flat();
    return [...random(200 + below(300)), ...(below(2) === 0 ? gene : reverseComplement(Uint8Array.from(gene)))];
  });
  return Uint8Array.from(parts.flat());
}

/** TAA, TAG, TGA */
const STOPS = ["300", "302", "320"];

const encode = (letters: string): number[] => [...letters].map((letter) => BASES.indexOf(letter));

/** The genome as FASTA text. */
export function toFasta(id: string, bases: Uint8Array): string {
  const letters = Array.from(bases, (base) => BASES[base]).join("");
  return `>${id} made up\n${letters.replace(/.{70}/g, "$&\n")}\n`;
}

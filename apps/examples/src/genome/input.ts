import { basename } from "node:path";
import { FormatError } from "@dilated/core";
import { type Annotated, annotate } from "./annotate.ts";
import type { FastaRecord } from "./data/fasta.ts";
import { E_COLI, LAMBDA, loadPackaged } from "./data/genomes.ts";
import { readFasta } from "./data/read-file.ts";
import type { Options } from "./options.ts";

/** A genome with its reading frames. */
export interface Genome {
  readonly name: string;
  readonly sequences: readonly Annotated[];
}

/** What to learn from, and what to try the result on. */
export interface Input {
  readonly genome: Genome;
  /** Never trained on. */
  readonly stranger: Genome | undefined;
}

/**
 * Reads or fetches the genomes.
 *
 * @throws FormatError, FeatureError, AbortedError
 */
export async function loadInput(options: Options, signal?: AbortSignal): Promise<Input> {
  const { fasta, lambda, cache } = options;
  if (fasta !== undefined) return { genome: toGenome(basename(fasta), await readFasta(fasta)), stranger: undefined };
  if (lambda) return { genome: toGenome(LAMBDA.name, await loadPackaged(LAMBDA, cache, signal)), stranger: undefined };
  const [coli, phage] = [await loadPackaged(E_COLI, cache, signal), await loadPackaged(LAMBDA, cache, signal)];
  return { genome: toGenome(E_COLI.name, coli), stranger: { name: LAMBDA.name, sequences: annotate(phage, "all") } };
}

/** @throws FormatError when no sequence is long enough, or there is no frame to learn from. */
export function toGenome(name: string, records: readonly FastaRecord[]): Genome {
  const sequences = annotate(records);
  const longest = Math.max(...records.map(({ bases }) => bases.length));
  if (sequences.length === 0) {
    throw new FormatError(`genome: ${name} is too short to learn from`, {
      details: [`longest sequence: ${longest} bases`, "needed: 2,560"],
      fix: "pass a longer sequence",
    });
  }
  if (sequences.every(({ orfs }) => orfs.length === 0)) {
    throw new FormatError(`genome: ${name} has no open reading frame of 300 bases`, {
      details: ["genes with introns have none: this example reads bacteria, archaea, viruses and organelles"],
      fix: "pass a genome of one of those",
    });
  }
  return { name, sequences };
}

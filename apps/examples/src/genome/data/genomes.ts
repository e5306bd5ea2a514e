import { fetchPackaged, type PackagedFile } from "./debian.ts";
import type { FastaRecord } from "./fasta.ts";
import { readFasta } from "./read-file.ts";

/** A genome that Debian packages hold. */
export interface PackagedGenome {
  readonly name: string;
  readonly file: PackagedFile;
}

/** 4,938,920 bases: the reference of bowtie's examples. */
export const E_COLI: PackagedGenome = {
  name: "Escherichia coli 536",
  file: { package: "bowtie-examples", path: "usr/share/doc/bowtie/examples/genomes/NC_008253.fna.gz" },
};

/** 48,502 bases: the reference of bowtie2's examples, a virus of E. coli. */
export const LAMBDA: PackagedGenome = {
  name: "Phage lambda",
  file: { package: "bowtie2-examples", path: "usr/share/doc/bowtie2/examples/reference/lambda_virus.fa.gz" },
};

/** @throws FeatureError, FormatError, AbortedError */
export async function loadPackaged(
  genome: PackagedGenome,
  cache: string,
  signal?: AbortSignal,
): Promise<FastaRecord[]> {
  return readFasta(await fetchPackaged(genome.file, cache, signal));
}

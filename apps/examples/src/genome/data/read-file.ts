import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { FormatError } from "@dilated/core";
import { type FastaRecord, parseFasta } from "./fasta.ts";

/**
 * Reads a FASTA file, plain or gzipped (told by its first bytes, not by its name).
 *
 * @throws FormatError when the file is missing, broken, or no FASTA.
 */
export async function readFasta(path: string): Promise<FastaRecord[]> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError(`genome: ${path} cannot be read`, {
      details: [reason],
      fix: "pass a FASTA file: --fasta FILE",
      cause,
    });
  }
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      bytes = await promisify(gunzip)(bytes);
    } catch (cause) {
      const fix = "fetch the file again: it is cut short or broken";
      throw new FormatError(`genome: ${path} is gzipped, and cannot be unpacked`, { fix, cause });
    }
  }
  return parseFasta(bytes, basename(path));
}

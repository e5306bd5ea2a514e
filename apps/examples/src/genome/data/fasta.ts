import { FormatError } from "@dilated/core";

/** One sequence of a FASTA file. */
export interface FastaRecord {
  /** First word behind the `>`. */
  readonly id: string;
  /** The rest of that line. */
  readonly description: string;
  /** One code a base: {@link BASES}. */
  readonly bases: Uint8Array;
}

/** Codes 0 to 3 are A, C, G, T; 4 is any other base of IUPAC's alphabet (N, R, Y, ...): a base that is not known exactly. */
export const BASES = "ACGTN";

/** Code of an unknown base. */
export const UNKNOWN = 4;

const BAD = 255;
const SKIP = 254;
const CODES = codes();

/**
 * Reads FASTA text, upper or lower case, U as T; letters of IUPAC's alphabet that stand for several bases become N.
 *
 * @param source - name of the file, for errors
 * @throws FormatError that names the line and the letter.
 */
export function parseFasta(text: Uint8Array, source: string): FastaRecord[] {
  const records: FastaRecord[] = [];
  let at = skipBlank(text);
  if (at === text.length)
    throw new FormatError(`FASTA: ${source} is empty`, { fix: "pass a FASTA file with a sequence in it" });
  if (text[at] !== GREATER) {
    throw new FormatError(`FASTA: ${source} does not start with a ">" line`, {
      details: [`it starts with ${JSON.stringify(decode(text.subarray(at, at + 24)))}`],
      fix: "pass a FASTA file (.fa, .fna, .fasta, also gzipped); other formats convert with standard tools",
    });
  }
  while (at < text.length) {
    const headerEnd = endOfLine(text, at);
    const [id = "", ...rest] = decode(text.subarray(at + 1, headerEnd))
      .trim()
      .split(/\s+/);
    let end = text.indexOf(GREATER, headerEnd); // ">" is no base, so it can only start the next record
    if (end < 0) end = text.length;
    records.push({
      id: id || `record${records.length + 1}`,
      description: rest.join(" "),
      bases: encode(text, headerEnd, end, source),
    });
    at = end;
  }
  const empty = records.find(({ bases }) => bases.length === 0);
  if (empty)
    throw new FormatError(`FASTA: record ${empty.id} of ${source} has no bases`, {
      fix: "remove it, or give it its sequence",
    });
  return records;
}

function encode(text: Uint8Array, start: number, end: number, source: string): Uint8Array {
  const bases = new Uint8Array(end - start);
  let count = 0;
  for (let i = start; i < end; i++) {
    const code = CODES[text[i] as number] as number;
    if (code === BAD) {
      const line = text.subarray(0, i).reduce((lines, byte) => lines + (byte === NEWLINE ? 1 : 0), 1);
      throw new FormatError(`FASTA: ${source} has a letter that is no base`, {
        details: [
          `line ${line}: ${JSON.stringify(String.fromCharCode(text[i] as number))}`,
          "allowed: ACGTU and RYSWKMBDHVN, in either case",
        ],
        fix: "pass nucleotides (proteins have no reading frames), without gaps",
      });
    }
    if (code !== SKIP) bases[count++] = code;
  }
  return bases.slice(0, count);
}

const GREATER = ">".charCodeAt(0);
const NEWLINE = "\n".charCodeAt(0);

function codes(): Uint8Array {
  const table = new Uint8Array(256).fill(BAD);
  const put = (letters: string, code: (i: number) => number) =>
    [...letters].forEach((letter, i) => {
      for (const cased of [letter, letter.toLowerCase()]) table[cased.charCodeAt(0)] = code(i);
    });
  put("ACGT", (i) => i);
  put("U", () => 3);
  put("RYSWKMBDHVN", () => UNKNOWN);
  for (const blank of " \t\r\n") table[blank.charCodeAt(0)] = SKIP;
  return table;
}

function skipBlank(text: Uint8Array): number {
  let at = 0;
  while (at < text.length && CODES[text[at] as number] === SKIP) at++;
  return at;
}

function endOfLine(text: Uint8Array, from: number): number {
  const end = text.indexOf(NEWLINE, from);
  return end < 0 ? text.length : end;
}

const decode = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

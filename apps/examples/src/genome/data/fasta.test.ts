import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { FormatError } from "@dilated/core";
import { expect, test } from "vitest";
import { parseFasta } from "./fasta.ts";
import { readFasta } from "./read-file.ts";

const parse = (text: string) => parseFasta(new TextEncoder().encode(text), "x.fa");

test("reads records, either case, U as T, what is not exactly known as N, any line ends", () => {
  const records = parse("\n>one first of two\nACGT\r\nacgu\n>two\nRYN\n\nA");
  expect(records).toEqual([
    { id: "one", description: "first of two", bases: Uint8Array.of(0, 1, 2, 3, 0, 1, 2, 3) },
    { id: "two", description: "", bases: Uint8Array.of(4, 4, 4, 0) },
  ]);
});

test.each([
  ["", /empty/],
  ["  \n", /empty/],
  ["@read\nACGT\n+\nIIII\n", /does not start with a ">" line.*@read/s],
  [">protein\nMKV\nLELQ", /line 3: "L"/],
  [">gapped\nACG-T", /line 2: "-"/],
  [">a\n>b\nACGT", /record a .* no bases/],
])("refuses %j", (text, message) => {
  expect(() => parse(text)).toThrow(FormatError);
  expect(() => parse(text)).toThrow(message);
});

test("files may be gzipped; missing and broken ones are told apart", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fasta-"));
  try {
    const [plain, zipped, broken] = ["a.fa", "a.fa.gz", "b.fa.gz"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const bytes = gzipSync(">x\nACGT\n");
    await writeFile(plain, ">x\nACGT\n");
    await writeFile(zipped, bytes);
    await writeFile(broken, bytes.subarray(0, bytes.length - 10));
    expect(await readFasta(zipped)).toEqual(await readFasta(plain));
    await expect(readFasta(broken)).rejects.toThrow(/cannot be unpacked/);
    await expect(readFasta(join(folder, "none.fa"))).rejects.toThrow(/none.fa cannot be read.*--fasta FILE/s);
  } finally {
    await rm(folder, { recursive: true });
  }
});

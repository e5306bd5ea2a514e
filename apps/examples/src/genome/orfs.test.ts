import { expect, test } from "vitest";
import { dropOverlapping, findOrfs, reverseComplement } from "./orfs.ts";

const encode = (letters: string): Uint8Array => Uint8Array.from(letters, (letter) => "ACGTN".indexOf(letter));
const gene = `ATG${"GCT".repeat(8)}TAA`; // 30 bases

test("finds a frame on either strand, in any of its three frames", () => {
  for (const pad of ["", "C", "CC"]) {
    const bases = encode(`${pad}${gene}CCCC`);
    const found = { start: pad.length, end: pad.length + 30, strand: "+" as const };
    expect(findOrfs(bases, 30)).toEqual([found]);
    const [mirrored] = findOrfs(reverseComplement(bases), 30);
    expect(mirrored).toEqual({ start: 4, end: 34, strand: "-" });
  }
  expect(findOrfs(encode(gene), 31)).toEqual([]);
});

test("takes the earliest start, ends at the first stop, and needs both", () => {
  expect(findOrfs(encode(`GTGATG${"GCT".repeat(8)}TAGTAA`), 30)).toEqual([{ start: 0, end: 33, strand: "+" }]);
  expect(findOrfs(encode(`ATG${"GCT".repeat(20)}`), 30)).toEqual([]);
  expect(findOrfs(encode(`${"GCT".repeat(20)}TAA`), 30)).toEqual([]);
});

test("an unknown base is neither start nor stop", () => {
  expect(findOrfs(encode(gene.replace("ATG", "ATN")), 10)).toEqual([]);
  expect(findOrfs(encode(gene.replace("GCTGCT", "GCTNNN")), 30)).toHaveLength(1);
});

test("of overlapping frames the longest stays; a small overlap is allowed", () => {
  const orf = (start: number, end: number) => ({ start, end, strand: "+" as const });
  expect(dropOverlapping([orf(0, 300), orf(100, 200), orf(290, 600)], 600)).toEqual([orf(0, 300), orf(290, 600)]);
  expect(dropOverlapping([orf(0, 300), orf(200, 600)], 600)).toEqual([orf(200, 600)]);
});

test("the other strand's other strand is the first", () => {
  const bases = encode("ACGTNACC");
  expect([...reverseComplement(bases)]).toEqual([...encode("GGTNACGT")]);
  expect(reverseComplement(reverseComplement(bases))).toEqual(bases);
});

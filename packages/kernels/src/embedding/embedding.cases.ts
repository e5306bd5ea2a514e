import fc from "fast-check";

/** A table and the ids that are looked up in it. */
export interface EmbeddingCase {
  readonly name: string;
  readonly V: number;
  readonly E: number;
  readonly ids: readonly number[];
  /** Shape of the ids. @defaultValue [ids.length] */
  readonly shape?: readonly number[];
}

const pick = (length: number, V: number, step: number): number[] =>
  Array.from({ length }, (_, i) => (i * step + (i >> 3)) % V);

export const embeddingCases: readonly EmbeddingCase[] = [
  { name: "one token", V: 3, E: 4, ids: [2] },
  { name: "[2, 3] tokens with repeats", V: 5, E: 8, ids: [4, 0, 4, 4, 1, 0], shape: [2, 3] },
  { name: "all tokens alike", V: 7, E: 12, ids: Array.from({ length: 300 }, () => 6) },
  // Few rows and many tokens: the tokens are cut in slices whose sums are added; several blocks of 64 lanes across.
  { name: "bytes, 5,000 tokens", V: 256, E: 20, ids: pick(5000, 256, 37) },
  { name: "wide rows", V: 9, E: 520, ids: pick(50, 9, 5) },
  // More rows than workgroups: each owns several.
  { name: "50,257 rows", V: 50_257, E: 4, ids: pick(600, 50_257, 7919) },
];

export const embeddingArbitrary: fc.Arbitrary<EmbeddingCase> = fc
  .record({
    V: fc.integer({ min: 1, max: 60 }),
    quads: fc.integer({ min: 1, max: 20 }),
    length: fc.integer({ min: 1, max: 200 }),
    step: fc.nat(100),
  })
  .map(({ V, quads, length, step }) => ({ name: "random", V, E: 4 * quads, ids: pick(length, V, step) }));

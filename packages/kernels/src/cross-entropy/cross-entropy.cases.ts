import fc from "fast-check";
import type { ResolvedCrossEntropy } from "./options.ts";

/** Rows of logits and how their loss is taken. */
export interface CrossEntropyCase {
  readonly name: string;
  /** Shape of the targets. */
  readonly rows: readonly number[];
  readonly V: number;
  readonly options: ResolvedCrossEntropy;
  /** Every n-th target is ignored. @defaultValue none */
  readonly ignoreEvery?: number;
  /** Factor on unit-variance logits. @defaultValue 1 */
  readonly spread?: number;
}

const plain: ResolvedCrossEntropy = { ignoreIndex: -1, labelSmoothing: 0, reduction: "mean" };

export const crossEntropyCases: readonly CrossEntropyCase[] = [
  { name: "bytes", rows: [2, 5], V: 256, options: plain },
  { name: "V = 1", rows: [3], V: 1, options: plain },
  { name: "V % 4 = 3", rows: [17], V: 27, options: plain },
  { name: "one row, long", rows: [1], V: 5003, options: plain },
  { name: "vec4, long", rows: [3], V: 3000, options: { ...plain, labelSmoothing: 0.1 } },
  { name: "sum, smoothed", rows: [9], V: 30, options: { ignoreIndex: -1, labelSmoothing: 0.2, reduction: "sum" } },
  { name: "none, ignoring", rows: [3, 4], V: 12, options: { ...plain, reduction: "none" }, ignoreEvery: 3 },
  { name: "ignoring 5", rows: [40], V: 18, options: { ...plain, ignoreIndex: 5 }, ignoreEvery: 2 },
  { name: "all ignored", rows: [4], V: 8, options: plain, ignoreEvery: 1 },
  { name: "sharp logits", rows: [6], V: 64, options: plain, spread: 40 },
];

export const crossEntropyArbitrary: fc.Arbitrary<CrossEntropyCase> = fc
  .record({
    rows: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 2 }),
    V: fc.oneof(
      fc.integer({ min: 2, max: 50 }),
      fc.integer({ min: 1, max: 90 }).map((quads) => quads * 4),
    ),
    labelSmoothing: fc.constantFrom(0, 0.1),
    reduction: fc.constantFrom("mean", "sum", "none"),
    ignoreEvery: fc.constantFrom(2, 1000),
  })
  .map(({ rows, V, labelSmoothing, reduction, ignoreEvery }) => ({
    name: "random",
    rows,
    V,
    ignoreEvery,
    options: { ignoreIndex: -1, labelSmoothing, reduction },
  }));

/** Targets that are spread over the vocabulary, with the ignored ones in between. */
export function targetsOf({ rows, V, options, ignoreEvery = Number.POSITIVE_INFINITY }: CrossEntropyCase): number[] {
  const count = rows.reduce((product, axis) => product * axis, 1);
  return Array.from({ length: count }, (_, i) => ((i + 1) % ignoreEvery === 0 ? options.ignoreIndex : (i * 7 + 3) % V));
}

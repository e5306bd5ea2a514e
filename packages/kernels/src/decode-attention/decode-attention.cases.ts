import fc from "fast-check";
import type { DecodeOptions } from "./decode-plan.ts";

/** Sequences that start with prompts of the given lengths and go on for some tokens, one at a time. */
export interface DecodeCase {
  readonly name: string;
  readonly H: number;
  readonly G: number;
  readonly D: number;
  /** Length of the prompt of each sequence. */
  readonly prompts: readonly number[];
  readonly steps: number;
  readonly options: DecodeOptions;
}

const branches = (...pairs: readonly (readonly [number, number])[]): DecodeOptions => ({
  branches: pairs.map(([segment, dilation]) => ({ segment, dilation })),
});

export const decodeCases: readonly DecodeCase[] = [
  { name: "one branch, from nothing", H: 2, G: 2, D: 8, prompts: [0], steps: 25, options: branches([8, 1]) },
  { name: "nested ladder", H: 4, G: 4, D: 16, prompts: [5], steps: 70, options: branches([8, 1], [24, 2]) },
  {
    name: "segments that do not nest, dilations that do not divide",
    H: 5,
    G: 5,
    D: 12,
    prompts: [20, 3],
    steps: 60,
    options: branches([7, 1], [17, 3], [30, 4]),
  },
  { name: "grouped heads", H: 6, G: 2, D: 20, prompts: [11], steps: 40, options: branches([8, 1], [24, 2], [24, 4]) },
  { name: "rows in no branch", H: 2, G: 1, D: 4, prompts: [0, 9], steps: 40, options: branches([16, 4], [3, 5]) },
  { name: "a branch twice", H: 2, G: 2, D: 8, prompts: [4], steps: 30, options: branches([8, 2], [8, 2], [16, 1]) },
  {
    name: "block offsets",
    H: 5,
    G: 5,
    D: 8,
    prompts: [4],
    steps: 40,
    options: { ...branches([8, 2], [24, 3]), headOffset: "block" },
  },
  {
    name: "partitioned heads",
    H: 5,
    G: 5,
    D: 8,
    prompts: [4],
    steps: 40,
    options: { ...branches([8, 1], [24, 2]), heads: "partitioned" },
  },
  {
    name: "a length shorter than the segments",
    H: 2,
    G: 2,
    D: 8,
    prompts: [4],
    steps: 28,
    options: { ...branches([1 << 30, 1], [64, 2]), length: 32 },
  },
  {
    name: "xPos",
    H: 2,
    G: 2,
    D: 16,
    prompts: [9, 30],
    steps: 60,
    options: { ...branches([16, 1], [48, 2]), xposScaleBase: 32 },
  },
  {
    name: "xPos whose blocks are single tokens",
    H: 2,
    G: 2,
    D: 8,
    prompts: [9],
    steps: 20,
    options: { ...branches([16, 1], [24, 3]), xposScaleBase: 0.5 },
  },
  {
    name: "wide heads, many tiles, a scale",
    H: 1,
    G: 1,
    D: 256,
    prompts: [290],
    steps: 6,
    options: { ...branches([700, 1], [300, 2]), scale: 0.05 },
  },
  {
    name: "split over workgroups",
    H: 2,
    G: 1,
    D: 32,
    prompts: [1490],
    steps: 12,
    options: { ...branches([1500, 1], [4000, 3]), xposScaleBase: 512 },
  },
];

const branch = fc.record({ segment: fc.integer({ min: 1, max: 40 }), dilation: fc.integer({ min: 1, max: 6 }) });

export const anyDecode: fc.Arbitrary<DecodeCase> = fc
  .record({
    G: fc.integer({ min: 1, max: 3 }),
    group: fc.integer({ min: 1, max: 2 }),
    D: fc.constantFrom(4, 8, 16, 20),
    prompts: fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 2 }),
    steps: fc.integer({ min: 1, max: 30 }),
    branches: fc.array(branch, { minLength: 1, maxLength: 3 }),
    headOffset: fc.constantFrom("modulo" as const, "block" as const),
    xposScaleBase: fc.constantFrom(undefined, 16, 512),
  })
  .map(({ G, group, D, prompts, steps, ...options }) => ({
    name: "random",
    H: G * group,
    G,
    D,
    prompts,
    steps,
    options,
  }));

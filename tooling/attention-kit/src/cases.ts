import { philox4x32 } from "@dilated/core";
import type { DilatedAttentionOptions } from "@dilated/kernels";
import { type ResolvedAttention, resolveAttentionOptions, type Shaped } from "@dilated/kernels/reference";

/**
 * Which keys a case masks: `some` hides about a third at random, `prefix` the first half (with `causal`: rows that see nothing),
 * `row` every key of batch row 0.
 */
export type MaskKind = "some" | "prefix" | "row";

/** One configuration of the operator, as data: it drives the oracle, the unit tests and the device tests of every backend. */
export interface AttentionCase {
  readonly name: string;
  readonly B: number;
  readonly N: number;
  /** Keys. @defaultValue N */
  readonly M?: number | undefined;
  readonly H: number;
  /** Key/value heads. @defaultValue H */
  readonly G?: number | undefined;
  readonly D: number;
  /** Head dim of v. @defaultValue D */
  readonly Dv?: number | undefined;
  readonly mask?: MaskKind | undefined;
  readonly options: Omit<DilatedAttentionOptions<Shaped>, "keyMask">;
  /** Seed of the operands. @defaultValue 1 */
  readonly seed?: number | undefined;
  /** Factor of q and k. @defaultValue 1 */
  readonly size?: number | undefined;
}

/**
 * Operands of a case: q [B, N, H, D]; k [B, M, G, D]; v [B, M, G, Dv]; dout [B, N, H, Dv]; keyMask [B, M] of 0 and 1.
 */
export interface CaseInputs {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly dout: Float32Array;
  readonly keyMask: Uint32Array | undefined;
}

/** Shapes and options of a case, resolved. */
export function resolveCase(test: AttentionCase): ResolvedAttention {
  const { B, N, M = N, H, G = H, D, Dv = D, mask, options } = test;
  const keyMask = mask === undefined ? undefined : { shape: [B, M] };
  return resolveAttentionOptions(
    test.name,
    { q: [B, N, H, D], k: [B, M, G, D], v: [B, M, G, Dv] },
    { ...options, keyMask },
  );
}

/** Normal operands of unit variance, rounded to f32 so that every backend starts from the same numbers. */
export function caseInputs(test: AttentionCase): CaseInputs {
  const { B, N, M = N, H, G = H, D, Dv = D, mask, seed = 1, size = 1 } = test;
  return {
    q: normal(B * N * H * D, seed, 0).map((x) => size * x),
    k: normal(B * M * G * D, seed, 1).map((x) => size * x),
    v: normal(B * M * G * Dv, seed, 2),
    dout: normal(B * N * H * Dv, seed, 3),
    keyMask: mask === undefined ? undefined : maskOf(mask, B, M, seed),
  };
}

function normal(length: number, seed: number, stream: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => {
    const [a, b] = philox4x32([i, 0, stream, 0], [seed, 0]) as unknown as [number, number];
    return Math.sqrt(-2 * Math.log((a + 1) / 2 ** 32)) * Math.cos((2 * Math.PI * b) / 2 ** 32); // Box-Muller
  });
}

function maskOf(kind: MaskKind, B: number, M: number, seed: number): Uint32Array {
  return Uint32Array.from({ length: B * M }, (_, i) => {
    if (kind === "row") return i < M ? 0 : 1;
    if (kind === "prefix") return i % M < M / 2 ? 0 : 1;
    return (philox4x32([i, 0, 4, 0], [seed, 0])[0] as number) % 3 === 0 ? 0 : 1;
  });
}

/** `ladder([16, 1], [32, 2])`: segments and dilations side by side. */
function ladder(
  ...branches: readonly (readonly [segment: number, dilation: number])[]
): AttentionCase["options"]["branches"] {
  return branches.map(([segment, dilation]) => ({ segment, dilation }));
}

const PAPER = ladder([16, 1], [32, 2], [64, 4]);
const DROPOUT = { p: 0.3, seed: 2 ** 40 + 17, stream: 40_001 };

function shape(
  B: number,
  N: number,
  H: number,
  D: number,
  G?: number,
): Pick<AttentionCase, "B" | "N" | "H" | "D" | "G"> {
  return { B, N, H, D, G };
}

const base = shape(1, 64, 4, 16);
const all = { causal: true, cuSeqlens: [0, 5, 38, 39, 70], dropout: DROPOUT } as const;

/** Every awkward case by name. */
export const attentionCases: readonly AttentionCase[] = [
  { name: "paper ladder", ...shape(2, 64, 4, 16), options: { branches: PAPER } },
  { name: "dense: one branch", ...shape(1, 64, 2, 32), options: { branches: ladder([64, 1]) } },
  { name: "N = 1", ...shape(2, 1, 3, 8), options: { branches: ladder([4, 1], [8, 2]) } },
  {
    name: "N = 1, zero-padded",
    ...shape(1, 1, 3, 8),
    options: { branches: ladder([4, 1], [8, 2]), remainder: "zeroPad" },
  },
  { name: "N not a multiple of w", ...shape(1, 75, 4, 16), options: { branches: ladder([16, 1], [32, 2]) } },
  {
    name: "N not a multiple of w, zero-padded",
    ...shape(1, 75, 4, 16),
    options: { branches: ladder([16, 1], [32, 2]), remainder: "zeroPad" },
  },
  { name: "w not a multiple of r", ...shape(1, 60, 4, 16), options: { branches: ladder([10, 1], [20, 3], [25, 4]) } },
  {
    name: "w not a multiple of r, zero-padded",
    ...shape(1, 60, 4, 16),
    options: { branches: ladder([10, 1], [20, 3], [25, 4]), remainder: "zeroPad" },
  },
  { name: "H not a multiple of r", ...shape(1, 64, 5, 16), options: { branches: ladder([16, 1], [64, 4]) } },
  {
    name: "H not a multiple of r, block offsets",
    ...shape(1, 64, 5, 16),
    options: { branches: ladder([16, 1], [64, 4]), headOffset: "block" },
  },
  { name: "H < r", ...shape(1, 64, 2, 16), options: { branches: ladder([16, 1], [64, 8]) } },
  { name: "w > N", ...shape(2, 24, 4, 16), options: { branches: ladder([16, 1], [32, 2], [640, 4]) } },
  {
    name: "w > N, zero-padded",
    ...shape(2, 23, 4, 16),
    options: { branches: ladder([16, 1], [32, 2], [640, 4]), remainder: "zeroPad" },
  },
  { name: "w = 1", ...shape(1, 40, 4, 16), options: { branches: ladder([1, 1], [32, 4]) } },
  { name: "w = 1 alone", ...shape(1, 17, 2, 8), options: { branches: ladder([1, 1]) } },
  { name: "r > w", ...shape(1, 40, 8, 8), options: { branches: ladder([4, 7], [16, 1]) } },
  {
    name: "r > w, zero-padded",
    ...shape(1, 42, 8, 8),
    options: { branches: ladder([4, 7], [16, 1]), remainder: "zeroPad" },
  },
  { name: "r > N", ...shape(1, 10, 4, 8), options: { branches: ladder([64, 50], [4, 1]) } },
  { name: "duplicate branches", ...base, options: { branches: ladder([32, 2], [16, 1], [32, 2], [16, 1]) } },
  { name: "equal segments, two dilations", ...base, options: { branches: ladder([32, 1], [32, 3]) } },
  { name: "segments not nested", ...shape(1, 90, 6, 16), options: { branches: ladder([10, 1], [24, 2], [35, 3]) } },
  { name: "uncovered rows", ...base, options: { branches: ladder([32, 8], [16, 6]) } },
  { name: "uncovered rows, causal", ...base, options: { branches: ladder([32, 8]), causal: true } },
  { name: "causal", ...shape(2, 64, 4, 16), options: { branches: PAPER, causal: true } },
  {
    name: "causal, ragged, zero-padded",
    ...shape(1, 50, 4, 16),
    options: { branches: ladder([16, 1], [32, 2]), causal: true, remainder: "zeroPad" },
  },
  { name: "key mask", ...shape(2, 50, 4, 16), mask: "some", options: { branches: PAPER } },
  {
    name: "key mask, zero-padded",
    ...shape(2, 50, 4, 16),
    mask: "some",
    options: { branches: PAPER, remainder: "zeroPad" },
  },
  { name: "rows that see no key", ...shape(1, 48, 4, 16), mask: "prefix", options: { branches: PAPER, causal: true } },
  { name: "a batch row that sees no key", ...shape(2, 40, 4, 16), mask: "row", options: { branches: PAPER } },
  {
    name: "a batch row that sees zero keys only",
    ...shape(2, 41, 4, 16),
    mask: "row",
    options: { branches: PAPER, remainder: "zeroPad" },
  },
  { name: "packed sequences", ...shape(1, 70, 4, 16), options: { branches: PAPER, cuSeqlens: [0, 5, 38, 39, 70] } },
  {
    name: "packed sequences, zero-padded",
    ...shape(2, 70, 4, 16),
    options: { branches: PAPER, cuSeqlens: [0, 5, 38, 39, 70], remainder: "zeroPad" },
  },
  { name: "grouped-query heads", ...shape(2, 50, 6, 16, 2), options: { branches: PAPER } },
  { name: "multi-query heads", ...shape(1, 50, 6, 16, 1), options: { branches: PAPER, causal: true } },
  { name: "dropout", ...shape(2, 50, 4, 16), options: { branches: PAPER, dropout: DROPOUT } },
  {
    name: "dropout, detached, zero-padded",
    ...shape(2, 50, 4, 16),
    options: { branches: PAPER, dropout: DROPOUT, gradient: "detached", remainder: "zeroPad" },
  },
  { name: "block offsets", ...shape(1, 64, 6, 16), options: { branches: PAPER, headOffset: "block" } },
  { name: "detached gradient", ...base, options: { branches: PAPER, gradient: "detached" } },
  {
    name: "torchscale",
    ...shape(1, 50, 6, 16),
    options: { branches: PAPER, headOffset: "block", remainder: "zeroPad", gradient: "detached" },
  },
  {
    name: "partitioned",
    ...shape(2, 64, 4, 16),
    options: { branches: ladder([16, 1], [32, 2]), heads: "partitioned" },
  },
  {
    name: "partitioned, uneven",
    ...shape(1, 64, 5, 8),
    options: { branches: ladder([16, 1], [32, 2], [64, 4]), heads: "partitioned", causal: true },
  },
  {
    name: "partitioned, fewer heads than branches",
    ...shape(1, 40, 2, 8),
    options: { branches: PAPER, heads: "partitioned" },
  },
  {
    name: "partitioned, everything on",
    ...shape(2, 70, 6, 16, 3),
    mask: "some",
    options: {
      branches: PAPER,
      heads: "partitioned",
      gradient: "detached",
      remainder: "zeroPad",
      cuSeqlens: all.cuSeqlens,
      dropout: DROPOUT,
    },
  },
  { name: "more keys than queries", ...shape(2, 20, 4, 16), M: 75, options: { branches: PAPER } },
  { name: "more queries than keys", ...shape(2, 75, 4, 16, 2), M: 20, options: { branches: PAPER } },
  {
    name: "the last queries, causal",
    ...shape(1, 13, 4, 16),
    M: 70,
    options: { branches: PAPER, causal: true, queryOffset: 57 },
  },
  {
    name: "queries behind every key",
    ...shape(1, 40, 4, 16),
    M: 30,
    mask: "some",
    options: { branches: PAPER, queryOffset: 21, dropout: DROPOUT },
  },
  {
    name: "packed sequences of other lengths, some of them empty",
    ...shape(2, 50, 4, 16),
    M: 64,
    mask: "some",
    options: {
      branches: PAPER,
      causal: true,
      queryOffset: 3,
      cuSeqlens: [0, 7, 7, 30, 42, 50],
      cuSeqlensK: [0, 20, 33, 33, 60, 64],
      dropout: DROPOUT,
    },
  },
  { name: "window", ...shape(1, 90, 2, 16), options: { branches: ladder([90, 1]), window: [7, 4] } },
  {
    name: "causal window, detached",
    ...shape(1, 70, 4, 16),
    options: { branches: PAPER, causal: true, window: [9, Number.POSITIVE_INFINITY], gradient: "detached" },
  },
  {
    name: "a window of one branch",
    ...shape(1, 70, 4, 16),
    options: { branches: [{ segment: 70, dilation: 1, window: [3, 0] }, ...ladder([64, 4])] },
  },
  { name: "soft cap", ...base, options: { branches: PAPER, softcap: 0.8 } },
  {
    name: "soft cap, window, dropout, other lengths",
    ...shape(2, 33, 6, 16, 3),
    M: 61,
    mask: "some",
    options: { branches: PAPER, softcap: 2, window: [20, 11], queryOffset: 9, dropout: DROPOUT, gradient: "detached" },
  },
  { name: "scale", ...base, options: { branches: PAPER, scale: 0.7 } },
  ...[4, 12, 64, 100, 256].map((D) => ({
    name: `D = ${D}`,
    ...shape(1, 40, 4, D),
    options: { branches: ladder([16, 1], [40, 2]), causal: D > 64 },
  })),
  ...[
    [12, 20],
    [20, 8],
  ].map(([D = 0, Dv = 0]) => ({
    name: `D = ${D}, Dv = ${Dv}`,
    ...shape(1, 40, 4, D, 2),
    Dv,
    options: { branches: ladder([16, 1], [40, 2]), causal: D > Dv },
  })),
  { name: "everything on", ...shape(2, 70, 6, 16, 2), mask: "some", options: { branches: PAPER, ...all } },
  {
    name: "everything on, torchscale",
    ...shape(2, 70, 6, 16, 2),
    mask: "some",
    options: {
      branches: PAPER,
      ...all,
      causal: false,
      headOffset: "block",
      remainder: "zeroPad",
      gradient: "detached",
      scale: 0.2,
    },
  },
];

/** A ladder of a size for what is tried many times. */
export const ladderCase: AttentionCase = {
  name: "ladder",
  B: 1,
  N: 44,
  H: 4,
  D: 16,
  options: { branches: ladder([8, 1], [24, 2], [44, 4]) },
};

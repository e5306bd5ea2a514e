import type { Tensor } from "@dilated/core";
import fc from "fast-check";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { type MatmulReference, matmulGradReference, matmulReference } from "./matmul.reference.ts";
import { matmul } from "./matmul.ts";

/** What varies between cases. */
export interface MatmulVariation {
  readonly leading: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly sharedB?: boolean;
  readonly bias?: boolean;
  readonly alpha?: number;
}

export function matmulCase(v: MatmulVariation): OpCase {
  const { leading, m, n, k, transposeA = false, transposeB = false, sharedB = false, bias = false, alpha = 1 } = v;
  const batch = leading.reduce((product, axis) => product * axis, 1);
  const reference: MatmulReference = { batch, m, n, k, transposeA, transposeB, sharedB, alpha };
  const a = [...leading, ...(transposeA ? [k, m] : [m, k])];
  const b = [...(sharedB ? [] : leading), ...(transposeB ? [n, k] : [k, n])];
  return {
    name: JSON.stringify(v).replaceAll('"', ""),
    inputs: [a, b, bias ? [n] : undefined],
    run: ([x, y, z]) => matmul(x as Tensor, y as Tensor, { transposeA, transposeB, alpha, ...(z ? { bias: z } : {}) }),
    forward: ([x = [], y = [], z]) => matmulReference(reference, x, y, z),
    backward: ([x = [], y = []], dy) => matmulGradReference(reference, x, y, dy),
  };
}

const size = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 20 }).map((quads) => quads * 4),
);

/** Every transpose, any sizes, batched or not. */
export const anyMatmul: fc.Arbitrary<OpCase> = fc
  .record({
    leading: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
    m: size,
    n: size,
    k: size,
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
    sharedB: fc.boolean(),
    bias: fc.boolean(),
    alpha: fc.constantFrom(1, -0.5),
  })
  .map(matmulCase);

const transposes = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({ transposeA, transposeB })),
);

export const matmulCases: readonly OpCase[] = [
  ...transposes.map((t) => matmulCase({ leading: [], m: 64, n: 32, k: 48, bias: true, ...t })),
  ...transposes.map((t) => matmulCase({ leading: [2], m: 9, n: 7, k: 5, ...t })),
  ...transposes.map((t) => matmulCase({ leading: [2, 2], m: 8, n: 12, k: 16, sharedB: true, alpha: 0.25, ...t })),
  matmulCase({ leading: [], m: 1, n: 1, k: 1, bias: true }),
  // Few tiles and a long K: cut in parts, with and without a bias.
  matmulCase({ leading: [], m: 20, n: 24, k: 2300, bias: true, alpha: 1 / 48 }),
  matmulCase({ leading: [], m: 5, n: 8, k: 2050, transposeA: true, alpha: 1 / 48 }),
];

import type { Branch, DilatedAttentionOptions } from "@dilated/kernels";
import fc from "fast-check";
import type { AttentionCase, MaskKind } from "./cases.ts";

/** Bounds of {@link attentionCase}. */
export interface CaseBounds {
  /** Most tokens. @defaultValue 96 */
  readonly N?: number;
  /** Most heads. @defaultValue 6 */
  readonly H?: number;
  /** Head dims to choose from: few, because a GPU compiles one pipeline for each. @defaultValue [4, 8, 16, 20, 32, 64] */
  readonly D?: readonly number[];
  /** The same of v. @defaultValue those of D */
  readonly Dv?: readonly number[];
}

/** Any dilation with any segment: not nested, not dividing, longer than the sequence, dilation over the segment. Small ones come first when shrinking. */
const branch: fc.Arbitrary<Branch> = fc.oneof(
  fc.record({ segment: fc.integer({ min: 1, max: 110 }), dilation: fc.integer({ min: 1, max: 9 }) }),
  // The regular ladder, which random numbers would seldom hit.
  fc.integer({ min: 0, max: 3 }).map((step) => ({ segment: 8 << step, dilation: 1 << step })),
);

/** Random configurations of the whole option space, always valid. */
export function attentionCase({
  N: longest = 96,
  H: most = 6,
  D: dims = [4, 8, 16, 20, 32, 64],
  Dv: valueDims = dims,
}: CaseBounds = {}): fc.Arbitrary<AttentionCase> {
  return fc
    .record({
      B: fc.integer({ min: 1, max: 2 }),
      N: fc.integer({ min: 1, max: longest }),
      G: fc.integer({ min: 1, max: most }),
      group: fc.integer({ min: 1, max: most }),
      D: fc.constantFrom(...dims),
      Dv: fc.constantFrom(...valueDims),
      seed: fc.integer({ min: 0, max: 1000 }),
      // Keys of another number, at other positions: one in three.
      other: fc.option(
        fc.record({
          M: fc.integer({ min: 1, max: longest }),
          queryOffset: fc.integer({ min: 0, max: 20 }),
          keyCuts: fc.array(fc.nat({ max: longest }), { minLength: 5, maxLength: 5 }),
        }),
        { nil: undefined, freq: 2 },
      ),
      size: fc.constantFrom(1, 4, 16),
      mask: maybe(fc.constantFrom<MaskKind[]>("some", "prefix", "row")),
      cuts: maybe(fc.uniqueArray(fc.integer({ min: 1, max: longest - 1 }), { maxLength: 4 })),
      options: options(),
    })
    .map(({ B, N, G, group, D, Dv, seed, size, mask, cuts, other, options: chosen }) => {
      const H = G * Math.max(1, Math.min(group, Math.floor(most / G)));
      const inner = cuts?.filter((cut) => cut < N).sort((a, b) => a - b);
      const cuSeqlens = inner === undefined ? undefined : [0, ...inner, N];
      if (!other || chosen.remainder === "zeroPad") {
        const test = { B, N, H, G, D, Dv, seed, size, mask, options: { ...chosen, cuSeqlens } };
        return { name: JSON.stringify(test), ...test };
      }
      const { M, queryOffset, keyCuts } = other;
      const rising =
        inner &&
        keyCuts
          .slice(0, inner.length)
          .map((cut) => cut % (M + 1))
          .sort((a, b) => a - b);
      const cuSeqlensK = rising && [0, ...rising, M];
      const test = {
        B,
        N,
        M,
        H,
        G,
        D,
        Dv,
        seed,
        size,
        mask,
        options: { ...chosen, cuSeqlens, cuSeqlensK, queryOffset },
      };
      return { name: JSON.stringify(test), ...test };
    });
}

/** A case and how many parts of its keys are merged. */
export interface PartedCase {
  readonly test: AttentionCase;
  readonly parts: number;
}

/** Random configurations that can be put together from one to five parts. */
export function partedCase(bounds: CaseBounds = {}): fc.Arbitrary<PartedCase> {
  return fc.record({ test: attentionCase(bounds).map(together), parts: fc.integer({ min: 1, max: 5 }) });
}

/** The same where the gradient is that of the union, and no head is scaled: what parts can be merged to. */
function together({ options: { heads: _, gradient: __, ...options }, ...test }: AttentionCase): AttentionCase {
  const joint = { ...test, options };
  return { ...joint, name: JSON.stringify({ ...joint, name: undefined }) };
}

/** `count` of them, the same ones for the same seed. */
export function sampleCases(bounds: CaseBounds, count: number, seed: number): AttentionCase[] {
  return fc.sample(attentionCase(bounds), { numRuns: count, seed });
}

const reach = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 40 }));

function options(): fc.Arbitrary<AttentionCase["options"]> {
  return fc
    .record({
      branches: fc.array(branch, { minLength: 1, maxLength: 4 }),
      headOffset: maybe(fc.constantFrom<NonNullable<DilatedAttentionOptions["headOffset"]>[]>("modulo", "block")),
      remainder: maybe(fc.constantFrom<NonNullable<DilatedAttentionOptions["remainder"]>[]>("truncate", "zeroPad")),
      gradient: maybe(fc.constantFrom<NonNullable<DilatedAttentionOptions["gradient"]>[]>("exact", "detached")),
      partitioned: fc.nat({ max: 4 }).map((n) => n === 4),
      causal: fc.boolean(),
      window: fc.option(fc.tuple(reach, reach), { nil: undefined, freq: 2 }),
      softcap: fc.option(fc.constantFrom(0.7, 5, 30), { nil: undefined, freq: 3 }),
      scale: maybe(fc.constantFrom(0.05, 0.3, 1)),
      dropout: maybe(
        fc.record({ p: fc.constantFrom(0, 0.1, 0.5, 0.9), seed: fc.maxSafeNat(), stream: fc.nat(65_535) }),
      ),
    })
    .map(({ partitioned, headOffset, window, ...rest }) => {
      const windowed = rest.remainder === "zeroPad" ? rest : { ...rest, window };
      return partitioned ? { ...windowed, heads: "partitioned" as const } : { ...windowed, headOffset };
    });
}

/** Left out half of the time. */
function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined, freq: 1 });
}

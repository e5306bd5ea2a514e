import { existsSync } from "node:fs";
import { philox4x32 } from "@dilated/core";
import { attentionCases, caseInputs, resolveCase } from "@dilated-internal/attention-kit/cases";
import { describe, expect, it } from "vitest";
import { type Golden, readGolden } from "../../../test/safetensors.ts";
import { EMPTY_LSE } from "../engine.ts";
import { resolveAttentionOptions } from "../pattern/options.ts";
import { attentionGradientReference, attentionReference, keysOfRow } from "./dilated.ts";
import { dropoutFactor, type ReferenceInputs } from "./reference.ts";

const fixtures = new URL("../../../test/fixtures/", import.meta.url);
const shared = new URL("../../../../../../shared/golden/dilated_attention_scaled.safetensors", import.meta.url);
const TOLERANCE = 2e-6; // the goldens are f32

describe("oracle against the PyTorch goldens", () => {
  goldenCases(readGolden(new URL("dilated_attention.safetensors", fixtures)));
  goldenCases(readGolden(new URL("partitioned.safetensors", fixtures)));
  // 10 MB: beside the repository where it is at all.
  describe.skipIf(!existsSync(shared))("scaled", () => {
    if (existsSync(shared)) goldenCases(readGolden(shared));
  });
});

function goldenCases(golden: Golden): void {
  for (const [name, { B, N, H, D, segs, rates, causal, kind }] of golden.configs as unknown as ReadonlyMap<
    string,
    GoldenConfig
  >) {
    const branches = segs.map((segment, i) => ({ segment, dilation: rates[i] as number }));
    const style =
      kind === "partitioned"
        ? { heads: "partitioned" as const }
        : { headOffset: "block" as const, remainder: "zeroPad" as const };
    const shape = [B, N, H, D];
    const resolve = (gradient: "exact" | "detached") =>
      resolveAttentionOptions(name, { q: shape, k: shape, v: shape }, { branches, causal, gradient, ...style });
    const inputs = (): ReferenceInputs => ({
      q: golden.tensor(`${name}.q`),
      k: golden.tensor(`${name}.k`),
      v: golden.tensor(`${name}.v`),
    });

    it(`${name}: out`, () => {
      expect(
        largestError(attentionReference(inputs(), resolve("exact")).out, golden.tensor(`${name}.out`)),
      ).toBeLessThan(TOLERANCE);
    });
    for (const [suffix, gradient] of [
      ["", "exact"],
      ["_stopped", "detached"],
    ] as const) {
      if (!golden.has(`${name}.dq${suffix}`)) continue;
      it(`${name}: ${gradient} gradient`, () => {
        const grads = attentionGradientReference(inputs(), golden.tensor(`${name}.dout`), resolve(gradient));
        for (const x of ["dq", "dk", "dv"] as const) {
          expect(largestError(grads[x], golden.tensor(`${name}.${x}${suffix}`)), x).toBeLessThan(TOLERANCE);
        }
      });
    }
  }
}

interface GoldenConfig {
  readonly B: number;
  readonly N: number;
  readonly H: number;
  readonly D: number;
  readonly segs: readonly number[];
  readonly rates: readonly number[];
  readonly causal: boolean;
  readonly kind: "attention" | "partitioned";
}

function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs((actual[i] as number) - (expected[i] as number));
    worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }
  return worst;
}

describe.each(attentionCases.map((test) => [test.name, test] as const))("oracle: %s", (_name, test) => {
  const resolved = resolveCase(test);
  const { B, N, H, D, outScale } = resolved;
  const { dout, ...inputs } = caseInputs(test);
  const { out, lse } = attentionReference(inputs, resolved);

  it("is finite, and 0 with an empty LSE exactly where no key is seen", () => {
    const grads = attentionGradientReference(inputs, dout, resolved);
    for (const array of [out, lse, grads.dq, grads.dk, grads.dv]) expect(array.every(Number.isFinite)).toBe(true);
    for (let at = 0; at < B * N * H; at++) {
      const t = Math.floor(at / H) % N;
      const b = Math.floor(at / (N * H));
      const seen = keysOfRow(resolved, at % H, t);
      const keys = seen.reduce(
        (sum, { keys: real, zeros }) => sum + zeros + real.filter((u) => inputs.keyMask?.[b * N + u] !== 0).length,
        0,
      );
      expect(lse[(b * H + (at % H)) * N + t] === EMPTY_LSE).toBe(keys === 0);
      if (keys === 0) expect(out.subarray(at * D, (at + 1) * D).every((x) => x === 0)).toBe(true);
    }
  });

  it("gives 1 for v = 1 (times the scale of the output) where no zero key and no dropout dilutes it", () => {
    if (resolved.dropout || resolved.zeroPad) return;
    const ones = attentionReference({ ...inputs, v: new Float32Array(inputs.v.length).fill(1) }, resolved);
    const wanted = ones.out.map((_, i) => {
      const row = Math.floor(i / D);
      const b = Math.floor(row / (N * H));
      return lse[(b * H + (row % H)) * N + (Math.floor(row / H) % N)] === EMPTY_LSE ? 0 : outScale;
    });
    expect(largestError(ones.out, wanted)).toBeLessThan(1e-12);
  });
});

it("a row whose scores are all very low is what its keys say", () => {
  const shape = [1, 1, 1, 4];
  const resolved = resolveAttentionOptions(
    "low",
    { q: shape, k: shape, v: shape },
    { branches: [{ segment: 1, dilation: 1 }] },
  );
  const { out, lse } = attentionReference({ q: [-60, 0, 0, 0], k: [60, 0, 0, 0], v: [1, 2, 3, 4] }, resolved);
  expect([...out, ...lse]).toEqual([1, 2, 3, 4, -1800]);
});

describe("token mixing", () => {
  // Stated a second time, from the design's sentence alone, so that a mistake in the geometry helpers cannot hide.
  const sees = (w: number, r: number, s: number, t: number, u: number, causal: boolean) =>
    (t % w) % r === s && (u % w) % r === s && Math.floor(t / w) === Math.floor(u / w) && (!causal || u <= t);

  it.each([true, false])("changes exactly the rows that the formula names (causal %s)", (causal) => {
    const branches = [
      [10, 1],
      [24, 3],
      [64, 5],
    ] as const;
    const test = {
      name: "mixing",
      B: 1,
      N: 45,
      H: 4,
      D: 4,
      options: { causal, branches: branches.map(([segment, dilation]) => ({ segment, dilation })) },
    };
    const inputs = caseInputs(test);
    const resolved = resolveCase(test);
    const before = attentionReference(inputs, resolved).out;
    for (let u = 0; u < 45; u++) {
      const v = inputs.v.slice();
      for (let i = 0; i < 16; i++) v[u * 16 + i] = (v[u * 16 + i] as number) + 1;
      const after = attentionReference({ ...inputs, v }, resolved).out;
      for (let row = 0; row < 45 * 4; row++) {
        const [t, h] = [Math.floor(row / 4), row % 4];
        const named = branches.some(([w, r]) => sees(w, r, h % r, t, u, causal));
        expect(before.subarray(row * 4, row * 4 + 4).some((x, i) => x !== after[row * 4 + i])).toBe(named);
      }
    }
  });

  it("keeps the causal prefix bitwise when the sequence grows", () => {
    const options = {
      causal: true,
      branches: [
        { segment: 8, dilation: 1 },
        { segment: 20, dilation: 3 },
      ],
      dropout: { p: 0.2, seed: 3 },
    };
    const long = caseInputs({ name: "long", B: 1, N: 50, H: 3, D: 8, options });
    const run = (N: number) => attentionReference(long, resolveCase({ name: "prefix", B: 1, N, H: 3, D: 8, options }));
    const whole = run(50);
    for (const N of [1, 8, 23, 49]) {
      expect(run(N).out).toEqual(whole.out.slice(0, N * 24));
      for (const h of [0, 1, 2])
        expect(run(N).lse.slice(h * N, h * N + N)).toEqual(whole.lse.slice(h * 50, h * 50 + N));
    }
  });
});

describe("grouped-query heads", () => {
  it("are as if each key/value head were repeated for its neighbouring query heads", () => {
    const [B, N, H, G, D] = [2, 20, 6, 2, 4] as const;
    const options = {
      branches: [
        { segment: 8, dilation: 1 },
        { segment: 20, dilation: 3 },
      ],
      causal: true,
    };
    const { dout, ...inputs } = caseInputs({ name: "grouped", B, N, H, G, D, options });
    const grouped = resolveCase({ name: "grouped", B, N, H, G, D, options });
    const repeated = resolveCase({ name: "repeated", B, N, H, D, options });
    // Element (row, h, d) of [B, N, H, D] comes from head floor(h / 3) of [B, N, G, D].
    const source = (i: number): number =>
      (Math.floor(i / (H * D)) * G + Math.floor((Math.floor(i / D) % H) / 3)) * D + (i % D);
    const repeat = (x: Float32Array): Float32Array =>
      Float32Array.from({ length: B * N * H * D }, (_, i) => x[source(i)] as number);
    const wide = { q: inputs.q, k: repeat(inputs.k), v: repeat(inputs.v) };
    expect(attentionReference(inputs, grouped)).toEqual(attentionReference(wide, repeated));
    const own = attentionGradientReference(inputs, dout, grouped);
    const apart = attentionGradientReference(wide, dout, repeated);
    for (const x of ["dk", "dv"] as const) {
      const sum = new Float64Array(B * N * G * D);
      apart[x].forEach((value, i) => {
        sum[source(i)] = (sum[source(i)] as number) + value;
      });
      expect(largestError(own[x], sum)).toBeLessThan(1e-12);
    }
  });
});

describe("packed sequences", () => {
  const options = {
    branches: [
      { segment: 8, dilation: 1 },
      { segment: 20, dilation: 3 },
    ],
  };
  const B = 2;
  const [N, H, D] = [33, 3, 4];

  it.each(["truncate", "zeroPad"] as const)("are as if each were alone (%s)", (remainder) => {
    const cuSeqlens = [0, 5, 25, 26, N];
    const inputs = caseInputs({ name: "packed", B, N, H, D, options });
    const packed = resolveCase({ name: "packed", B, N, H, D, options: { ...options, remainder, cuSeqlens } });
    const whole = attentionReference(inputs, packed).out;
    for (let i = 0; i + 1 < cuSeqlens.length; i++) {
      const [start, end] = [cuSeqlens[i] as number, cuSeqlens[i + 1] as number];
      const shape = { B: 1, N: end - start, H, D };
      for (let b = 0; b < B; b++) {
        const rows = <T extends Float32Array | Float64Array>(x: T): T =>
          x.slice((b * N + start) * H * D, (b * N + end) * H * D) as T;
        const own = { q: rows(inputs.q), k: rows(inputs.k), v: rows(inputs.v) };
        const alone = resolveCase({ name: "alone", ...shape, options: { ...options, remainder } });
        expect(attentionReference(own, alone).out).toEqual(rows(whole));
      }
    }
  });
});

describe("dropout", () => {
  it("keeps the keys that the definition names", () => {
    // Written out once more from the definition: counter (t, u >> 2, h + H·b, 0x0D120 + 2^16·stream), word u & 3, keep iff word >= round(p · 2^32).
    const p = 0.4;
    const dropout = resolveCase({
      ...test,
      options: { ...test.options, dropout: { p, seed: 3 * 2 ** 32 + 9, stream: 65_535 } },
    }).dropout;
    for (const [b, h, t, u] of [
      [0, 0, 0, 0],
      [1, 2, 17, 30],
      [1, 3, 40, 5],
      [0, 1, 63, 62],
      [1, 0, 1_000_000, 999_999],
    ] as const) {
      const word = philox4x32([t, Math.floor(u / 4), h + 4 * b, 0xffff_d120], [9, 3])[u % 4] as number;
      expect(dropoutFactor(dropout, 4, b, h, t, u)).toBe(word >= Math.round(p * 2 ** 32) ? 1 / (1 - p) : 0);
    }
  });

  const test = {
    name: "dropout",
    B: 2,
    N: 64,
    H: 4,
    D: 4,
    options: { branches: [{ segment: 64, dilation: 1 }], dropout: { p: 0.25, seed: 11 } },
  };

  it("leaves the LSE alone, drops p of the weights and keeps the mean", () => {
    const inputs = caseInputs(test);
    const uniform = { ...inputs, q: new Float32Array(inputs.q.length), v: new Float32Array(inputs.v.length).fill(1) };
    const { out, lse } = attentionReference(uniform, resolveCase(test));
    expect(lse.every((x) => Math.abs(x - Math.log(64)) < 1e-12)).toBe(true);
    const mean = out.reduce((sum, x) => sum + x, 0) / out.length; // of kept / (1 - p), over 2·64·4·64 weights
    expect(Math.abs(mean - 1)).toBeLessThan(5 * Math.sqrt(0.25 / 0.75 / 32768));
    expect(new Set(out).size).toBeGreaterThan(10);
  });
});

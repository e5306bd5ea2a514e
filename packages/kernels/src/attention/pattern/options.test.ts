import { ConfigError, LimitError, ShapeError } from "@dilated/core";
import { describe, expect, it } from "vitest";
import { type AttentionShapes, resolveAttentionOptions } from "./options.ts";

const branches = [{ segment: 16, dilation: 1 }];

/** Shapes of q [B, N, H, D], k [B, M, G, D] and v [B, M, G, Dv]. */
function shapes(q: unknown, k: unknown = q, v: unknown = k): AttentionShapes {
  return { q, k, v } as AttentionShapes;
}

const good = shapes([2, 40, 4, 16]);

/** Resolves options that the types forbid. */
function resolve(options: unknown, at: AttentionShapes = good): ReturnType<typeof resolveAttentionOptions> {
  return resolveAttentionOptions("dilatedAttention", at, options as never);
}

describe("shapes that are refused", () => {
  it.each<[string, AttentionShapes, RegExp]>([
    ["rank 3", shapes([2, 40, 64]), /\[B, N, H, D\]/],
    ["rank 5", shapes([2, 40, 4, 16, 1]), /\[B, N, H, D\]/],
    ["no shape", shapes(undefined), /\[B, N, H, D\]/],
    ["N = 0", shapes([2, 0, 4, 16]), /at least 1/],
    ["a fractional axis", shapes([2, 40.5, 4, 16]), /at least 1/],
    ["D = 0", shapes([2, 40, 4, 0]), /at least 1/],
    ["other B", shapes([2, 40, 4, 16], [1, 40, 4, 16]), /agree in B and D/],
    ["other D", shapes([2, 40, 4, 16], [2, 40, 4, 12]), /agree in B and D/],
    ["k and v of other lengths", shapes([2, 40, 4, 16], [2, 41, 4, 16], [2, 40, 4, 16]), /k and v/],
    ["k and v differ", shapes([2, 40, 4, 16], [2, 40, 4, 16], [2, 40, 2, 16]), /k and v/],
    ["H not a multiple of G", shapes([2, 40, 4, 16], [2, 40, 3, 16]), /H = 4 .* G = 3/],
    ["G over H", shapes([2, 40, 4, 16], [2, 40, 8, 16]), /H = 4 .* G = 8/],
    ["D not a multiple of 4", shapes([2, 40, 4, 18]), /D = 18/],
    ["Dv not a multiple of 4", shapes([2, 40, 4, 16], [2, 40, 4, 16], [2, 40, 4, 6]), /Dv = 6/],
  ])("%s", (_name, at, message) => {
    expect(() => resolve({ branches }, at)).toThrow(ShapeError);
    expect(() => resolve({ branches }, at)).toThrow(message);
  });

  it("D over 256 is a LimitError", () => {
    expect(() => resolve({ branches }, shapes([1, 8, 1, 260]))).toThrow(LimitError);
    expect(resolve({ branches }, shapes([1, 8, 1, 256])).D).toBe(256);
  });

  it("v may have another head dim, up to 256", () => {
    const wide = (Dv: number): AttentionShapes => shapes([1, 8, 1, 16], [1, 8, 1, 16], [1, 8, 1, Dv]);
    expect(resolve({ branches }, wide(256))).toMatchObject({ D: 16, Dv: 256 });
    expect(() => resolve({ branches }, wide(260))).toThrow(LimitError);
  });

  it.each([[[40]], [[2, 40, 1]], [[40, 2]], [[1, 40]], [undefined]])("keyMask of shape %j", (shape) => {
    expect(() => resolve({ branches, keyMask: { shape } })).toThrow(ShapeError);
    expect(() => resolve({ branches, keyMask: { shape } })).toThrow("[2, 40]");
  });
});

describe("options that are refused", () => {
  it.each<[string, unknown, RegExp]>([
    ["no options", undefined, /must be an object/],
    ["no branches", {}, /branches: missing; allowed: a list/],
    ["empty branches", { branches: [] }, /branches: \[\]; allowed: a list of at least 1/],
    ["a branch that is a number", { branches: [16] }, /branches\[0\]: 16; allowed: an object of segment, dilation/],
    ["a branch without dilation", { branches: [{ segment: 16 }] }, /branches\[0\]\.dilation: missing/],
    ["segment 0", { branches: [{ segment: 0, dilation: 1 }] }, /segment: 0; allowed: an integer from 1/],
    ["a negative segment", { branches: [{ segment: -4, dilation: 1 }] }, /segment: -4/],
    ["a fractional segment", { branches: [{ segment: 1.5, dilation: 1 }] }, /segment: 1.5/],
    ["segment NaN", { branches: [{ segment: Number.NaN, dilation: 1 }] }, /segment: NaN/],
    ["segment as text", { branches: [{ segment: "16", dilation: 1 }] }, /segment: "16"/],
    ["an infinite segment", { branches: [{ segment: Infinity, dilation: 1 }] }, /segment: Infinity/],
    ["dilation 0", { branches: [{ segment: 16, dilation: 0 }] }, /branches\[0\]\.dilation: 0; allowed/],
    ["dilation over u31", { branches: [{ segment: 16, dilation: 2 ** 31 }] }, /2147483648/],
    [
      "an unknown key of a branch",
      { branches: [{ segment: 16, dilation: 1, offset: 2 }] },
      /branches\[0\]\.offset: unknown; known: segment, dilation, window/,
    ],
    ["an unknown option", { branches, segmentLengths: [16] }, /segmentLengths: unknown; known: branches, headOffset/],
    ["headOffset", { branches, headOffset: "random" }, /headOffset: "random"; allowed: "modulo", "block"/],
    ["remainder", { branches, remainder: "pad" }, /"truncate", "zeroPad"/],
    ["gradient", { branches, gradient: true }, /gradient: true; allowed: "exact", "detached"/],
    ["heads", { branches, heads: "split" }, /"all", "partitioned"/],
    ["block offsets with partitioned heads", { branches, heads: "partitioned", headOffset: "block" }, /no meaning/],
    ["causal as a number", { branches, causal: 1 }, /causal: 1; allowed: true or false/],
    ["scale NaN", { branches, scale: Number.NaN }, /scale: .*NaN/],
    ["scale 0", { branches, scale: 0 }, /scale: 0; allowed: a finite number above 0/],
    ["a negative scale", { branches, scale: -1 }, /scale/],
    ["an infinite scale", { branches, scale: Infinity }, /scale/],
    ["null scale", { branches, scale: null }, /scale: .*null/],
    ["dropout as a number", { branches, dropout: 0.1 }, /dropout: 0\.1; allowed: an object of p, seed, stream/],
    ["dropout p = 1", { branches, dropout: { p: 1, seed: 0 } }, /dropout\.p: 1; allowed: a number from 0 to below 1/],
    ["dropout p < 0", { branches, dropout: { p: -0.1, seed: 0 } }, /dropout\.p/],
    ["dropout p NaN", { branches, dropout: { p: Number.NaN, seed: 0 } }, /dropout\.p/],
    ["dropout without seed", { branches, dropout: { p: 0.1 } }, /dropout\.seed/],
    ["a fractional seed", { branches, dropout: { p: 0.1, seed: 0.5 } }, /dropout\.seed/],
    ["a negative seed", { branches, dropout: { p: 0.1, seed: -1 } }, /dropout\.seed/],
    ["a seed over 2^53", { branches, dropout: { p: 0.1, seed: 2 ** 53 } }, /dropout\.seed/],
    ["a stream over 2^16", { branches, dropout: { p: 0.1, seed: 1, stream: 2 ** 16 } }, /dropout\.stream/],
    ["a fractional stream", { branches, dropout: { p: 0.1, seed: 1, stream: 0.5 } }, /dropout\.stream/],
    [
      "an unknown key of dropout",
      { branches, dropout: { p: 0.1, seed: 1, rate: 2 } },
      /dropout\.rate: unknown; known: p, seed, stream/,
    ],
    ["cuSeqlens of one bound", { branches, cuSeqlens: [0] }, /needs at least \[0, N\] = \[0, 40\]/],
    ["cuSeqlens not from 0", { branches, cuSeqlens: [1, 40] }, /cuSeqlens\[0\]: must be 0/],
    ["cuSeqlens not to N", { branches, cuSeqlens: [0, 20] }, /cuSeqlens\[1\]: must be N = 40, given 20/],
    ["cuSeqlensK alone", { branches, cuSeqlensK: [0, 40] }, /cuSeqlensK: needs cuSeqlens/],
    [
      "cuSeqlensK of fewer sequences",
      { branches, cuSeqlens: [0, 9, 40], cuSeqlensK: [0, 40] },
      /as many sequences .* 2, given 1/,
    ],
    [
      "cuSeqlensK not to M",
      { branches, cuSeqlens: [0, 40], cuSeqlensK: [0, 39] },
      /cuSeqlensK\[1\]: must be M = 40, given 39/,
    ],
    ["a negative queryOffset", { branches, queryOffset: -1 }, /queryOffset: -1/],
    ["a fractional queryOffset", { branches, queryOffset: 0.5 }, /queryOffset: 0\.5/],
    ["a window as a number", { branches, window: 7 }, /window: 7; allowed: \[left, right\]/],
    ["a window of one side", { branches, window: [7] }, /window: .*allowed: \[left, right\]/],
    ["a negative window", { branches, window: [-1, 0] }, /window: /],
    ["a window that is not a number", { branches, window: [Number.NaN, 0] }, /window: /],
    ["a branch's window", { branches: [{ ...branches[0], window: [1, 2, 3] }] }, /branches\[0\]\.window: /],
    [
      "a window over padding keys",
      { branches, window: [3, 3], remainder: "zeroPad" },
      /zeroPad.*no meaning with a window/,
    ],
    ["padding keys at an offset", { branches, queryOffset: 1, remainder: "zeroPad" }, /zeroPad.*the same tokens/],
    ["softcap 0", { branches, softcap: 0 }, /softcap: 0; allowed: a finite number above 0/],
    ["cuSeqlens that falls", { branches, cuSeqlens: [0, 30, 20, 40] }, /cuSeqlens\[2\]: .*given 20/],
    ["cuSeqlens with a fraction", { branches, cuSeqlens: [0, 10.5, 40] }, /cuSeqlens\[1\]: .*10\.5/],
    ["cuSeqlens as a number", { branches, cuSeqlens: 40 }, /cuSeqlens: 40; allowed: a list/],
  ])("%s", (_name, options, message) => {
    expect(() => resolve(options)).toThrow(ConfigError);
    expect(() => resolve(options)).toThrow(message);
  });

  it("all are listed at once, with the function's name", () => {
    const wrong = { branches: [{ segment: 0, dilation: -1 }], scale: 0, causal: "yes", heads: "none", extra: 1 };
    expect(() => resolve(wrong)).toThrow(/^dilatedAttention: 6 fields are wrong/);
    for (const field of ["segment", "dilation", "scale", "causal", "heads", "extra"])
      expect(() => resolve(wrong)).toThrow(field);
  });
});

describe("resolveAttentionOptions", () => {
  it("fills in defaults and gives frozen data that survives JSON", () => {
    const resolved = resolve({ branches: [{ segment: 64, dilation: 3 }] });
    expect(resolved).toEqual({
      B: 2,
      N: 40,
      M: 40,
      H: 4,
      G: 4,
      D: 16,
      Dv: 16,
      branches: [{ w: 40, r: 3, low: -(2 ** 30), high: 2 ** 30, headStart: 0, headEnd: 4, offsets: [0, 1, 2, 0] }],
      partitioned: false,
      headOffset: "modulo",
      zeroPad: false,
      detached: false,
      bounded: false,
      softcap: null,
      keyMask: false,
      scale: 0.25,
      outScale: 1,
      dropout: null,
      sequences: [{ start: 0, end: 40, keyStart: 0, keyEnd: 40, shift: 0 }],
    });
    expect(JSON.parse(JSON.stringify(resolved))).toEqual(resolved);
    for (const part of [
      resolved,
      resolved.branches,
      resolved.branches[0],
      resolved.branches[0]?.offsets,
      resolved.sequences,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it("takes undefined as left out, and cuSeqlens as Int32Array", () => {
    const left = {
      branches,
      scale: undefined,
      causal: undefined,
      heads: undefined,
      dropout: undefined,
      keyMask: undefined,
      cuSeqlens: undefined,
    };
    expect(resolve(left)).toEqual(resolve({ branches }));
    expect(resolve({ branches, cuSeqlens: Int32Array.of(0, 7, 40) }).sequences).toEqual([
      { start: 0, end: 7, keyStart: 0, keyEnd: 7, shift: 0 },
      { start: 7, end: 40, keyStart: 7, keyEnd: 40, shift: 0 },
    ]);
  });

  it("gives keys of their own, offsets and windows", () => {
    const options = {
      branches,
      cuSeqlens: [0, 0, 40],
      cuSeqlensK: [0, 9, 50],
      queryOffset: 3,
      window: [5, Infinity],
      causal: true,
    };
    const {
      sequences,
      branches: [branch],
      bounded,
    } = resolve(options, shapes([2, 40, 4, 16], [2, 50, 4, 16]));
    expect(sequences).toEqual([
      { start: 0, end: 0, keyStart: 0, keyEnd: 9, shift: 3 },
      { start: 0, end: 40, keyStart: 9, keyEnd: 50, shift: 12 },
    ]);
    expect([branch?.low, branch?.high, bounded]).toEqual([-5, 0, true]);
  });

  it("refuses calls that i32 positions and u32 rows cannot number", () => {
    expect(() => resolve({ branches, queryOffset: 2 ** 30 })).toThrow(LimitError);
    expect(() => resolve({ branches }, shapes([2 ** 17, 2 ** 10, 32, 4]))).toThrow(/too long.*B·H·N/s);
  });

  it("gives block offsets as torchscale does", () => {
    const offsets = (H: number, dilation: number) =>
      resolve({ branches: [{ segment: 16, dilation }], headOffset: "block" }, shapes([1, 40, H, 16])).branches[0]
        ?.offsets;
    expect(offsets(6, 4)).toEqual([0, 0, 1, 1, 2, 2]);
    expect(offsets(5, 2)).toEqual([0, 0, 0, 1, 1]);
    expect(offsets(2, 8)).toEqual([0, 1]);
  });

  it("clamps segments and dilations where larger ones are the same", () => {
    for (const headOffset of ["modulo", "block"] as const) {
      const at = (dilation: number) =>
        resolve({ branches: [{ segment: 2 ** 31 - 1, dilation }], headOffset }, shapes([1, 10, 12, 16])).branches[0];
      expect(at(2 ** 31 - 1)).toEqual(at(12));
      expect(at(12)).toMatchObject({ w: 10, r: 12, offsets: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] });
    }
  });

  it("splits heads in contiguous groups, the first ones larger", () => {
    const three = [1, 2, 4].map((dilation) => ({ segment: 16, dilation }));
    const { branches: parts, outScale } = resolve({ branches: three, heads: "partitioned" }, shapes([1, 40, 5, 16]));
    expect(parts.map(({ headStart, headEnd }) => [headStart, headEnd])).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
    ]);
    expect(parts.map(({ offsets }) => offsets[0])).toEqual([0, 1, 2]);
    expect(outScale).toBe(1 / 3);
  });

  it("derives dropout", () => {
    expect(resolve({ branches, dropout: { p: 0.25, seed: 2 ** 33 + 5 } }).dropout).toEqual({
      p: 0.25,
      threshold: 2 ** 30,
      keepScale: 4 / 3,
      seedLow: 5,
      seedHigh: 2,
      domain: 0x0d120,
    });
    expect(resolve({ branches, dropout: { p: 0, seed: 1 } }).dropout).toBeNull();
    expect(resolve({ branches, dropout: { p: 1 - 2 ** -40, seed: 1 } }).dropout?.threshold).toBe(0xffffffff);
  });
});

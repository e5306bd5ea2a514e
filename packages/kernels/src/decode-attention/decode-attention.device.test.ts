import { type Device, DilatedError } from "@dilated/core";
import { openTestDevice, share, shareOf } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Float, normal } from "../shared/test-utils/op-case.ts";
import { anyDecode, type DecodeCase, decodeCases } from "./decode-attention.cases.ts";
import { decodeReference } from "./decode-attention.reference.ts";
import { appendToCache, decodeAttention } from "./decode-attention.ts";
import { createDecodeCache, decodePlanBytes } from "./decode-cache.ts";
import { decodePlan } from "./decode-plan.ts";

describe("decodeAttention", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openTestDevice();
  });
  afterAll(() => device.dispose());

  /** Prefills each sequence with its prompt, decodes the rest token by token, and compares every row with the whole sequence's attention. */
  async function check(one: DecodeCase, dtype: Float, on = device): Promise<void> {
    const { H, G, D, prompts, steps, options } = one;
    const B = prompts.length;
    const N = Math.max(...prompts) + steps;
    const [q, k, v] = [H, G, G].map((heads, i) => normal(B * N * heads * D, i, dtype)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const from = Math.min(...prompts);
    const wanted = decodeReference({ shape: [B, N, H, G, D], q, k, v }, from, options);
    using cache = createDecodeCache(on, decodePlan({ H, G, D }, options), { B, dtype });
    /** `count` tokens from `from[b]` on of each given sequence, [., count, heads, D]. */
    const slice = (x: Float32Array, heads: number, rows: readonly number[], from: readonly number[], count: number) => {
      const size = heads * D;
      const parts = rows.flatMap((b, i) => [
        ...x.subarray((b * N + (from[i] ?? 0)) * size, (b * N + (from[i] ?? 0) + count) * size),
      ]);
      return on.tensor(parts, [rows.length, count, heads, D], { dtype });
    };
    prompts.forEach((length, b) => {
      if (length === 0) return;
      using keys = slice(k, G, [b], [0], length);
      using values = slice(v, G, [b], [0], length);
      appendToCache(cache, 0, keys, values, b);
    });
    const all = prompts.map((_, b) => b);
    const size = H * D;
    using outs = on.empty([steps, B, H, D], { dtype });
    for (let step = 0; step < steps; step++) {
      const at = prompts.map((length) => length + step);
      on.write(cache.positions, at);
      on.scope(() => {
        appendToCache(cache, 0, slice(k, G, all, at, 1), slice(v, G, all, at, 1));
        const out = decodeAttention(cache, 0, slice(q, H, all, at, 1));
        expect([out.dtype, out.shape]).toEqual([dtype, [B, 1, H, D]]);
        on.copy(out, outs, { to: step * B * size });
      });
    }
    const expected = Array.from({ length: steps }, (_, step) =>
      prompts.flatMap((length, b) => {
        const start = (b * (N - from) + length - from + step) * size;
        return [...wanted.subarray(start, start + size)];
      }),
    ).flat();
    // f16: keys are rounded once more when a factor of xPos is in them.
    const tolerance = dtype === "f32" ? { atol: 2e-5, rtol: 2e-5 } : { atol: 4e-3, rtol: 2 ** -9 };
    expect(await outs.data()).toBeAllClose(expected, tolerance);
  }

  describe.each(["f32", "f16"] as const)("%s", (dtype) => {
    test.each(shareOf(decodeCases, true))("$name", (one) => check(one, dtype));
    test("random patterns", () =>
      fc.assert(
        fc.asyncProperty(anyDecode, (one) => check(one, dtype)),
        share(24),
      ));
  });

  test("caches longer than a binding, also of several sequences", async () => {
    using cut = await openTestDevice({ maxBindingBytes: 65_536 });
    for (const one of decodeCases.slice(-2)) await check({ ...one, steps: 2 }, "f32", cut);
    const several = { ...(decodeCases.at(-1) as DecodeCase), prompts: [1490, 3], steps: 2 };
    await check(several, "f16", cut);
  });

  test.each(["f32", "f16"] as const)("the cache takes exactly the bytes that decodePlanBytes says (%s)", (dtype) => {
    const plan = decodePlan(
      { H: 3, D: 12 },
      {
        branches: [
          { segment: 7, dilation: 2 },
          { segment: 20, dilation: 3 },
        ],
        xposScaleBase: 512,
      },
    );
    const before = device.stats().live;
    using _cache = createDecodeCache(device, plan, { B: 2, layers: 3, dtype });
    expect(device.stats().live - before).toBe(decodePlanBytes(plan, { B: 2, layers: 3, dtype }));
  });

  const plan = decodePlan({ H: 2, D: 8 }, { branches: [{ segment: 8, dilation: 1 }] });
  test.each([
    ["no such layer", (d: Device) => decodeAttention(createDecodeCache(d, plan), 1, d.zeros([1, 1, 2, 8])), "CONFIG"],
    ["two queries", (d: Device) => decodeAttention(createDecodeCache(d, plan), 0, d.zeros([1, 2, 2, 8])), "SHAPE"],
    [
      "integers",
      (d: Device) => decodeAttention(createDecodeCache(d, plan), 0, d.zeros([1, 1, 2, 8], { dtype: "i32" })),
      "DTYPE",
    ],
    [
      "keys of other heads",
      (d: Device) => appendToCache(createDecodeCache(d, plan), 0, d.zeros([1, 3, 3, 8]), d.zeros([1, 3, 3, 8])),
      "SHAPE",
    ],
    [
      "a row too many",
      (d: Device) => appendToCache(createDecodeCache(d, plan), 0, d.zeros([1, 3, 2, 8]), d.zeros([1, 3, 2, 8]), 1),
      "SHAPE",
    ],
    ["unknown options", (d: Device) => createDecodeCache(d, plan, { batch: 2 } as never), "CONFIG"],
    ["more than a tensor can be", (d: Device) => createDecodeCache(d, plan, { B: 2 ** 26 }), "LIMIT"],
  ] as const)("refuses %s", (_name, call, code) => {
    let error: unknown;
    try {
      device.scope(() => void call(device));
    } catch (thrown) {
      error = thrown;
    }
    expect(DilatedError.is(error) && error.code).toBe(code);
  });

  test("leaves no buffer behind", () => expect(device.stats().byLabel).toEqual({}));
});

import { ConfigError, type Device, reshape, ShapeError, type Tensor } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { take } from "../test-utils/arrays.ts";
import { type AttentionShape, initAttention, multiheadDilatedAttention } from "./attention-block.ts";
import { Initializer } from "./parameters.ts";
import { padTokens, sliceTokens } from "./tokens.ts";

const shape: AttentionShape = { dim: 16, heads: 4, kvHeads: 4, position: "none", xposScaleBase: 512, eps: 1e-5 };
const branches = [
  { segment: 8, dilation: 1 },
  { segment: 16, dilation: 2 },
];

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

const random = (tokens: number, seed: number): Tensor => device.randomNormal([2, tokens, 16], { seed });
const weights = (kvHeads = 4) => initAttention(new Initializer(device, 5), { ...shape, kvHeads }, {}, "attention");

describe("cross-attention", () => {
  // What is not masked has to come out as if the rest were not there, so a mask over as many keys is the reference.
  it.each([
    [7, 19],
    [19, 7],
  ])("of %i queries to %i keys equals masked attention over padded ones", async (N, M) => {
    const L = Math.max(N, M);
    const p = weights();
    const [x, context] = [random(N, 1), random(M, 2)];
    const dense = [{ segment: L, dilation: 1 }];
    const got = await take(multiheadDilatedAttention(x, p, shape, { key: context, branches: dense }));
    const mask = Array.from({ length: 2 * L }, (_, i) => i % L < M);
    const padded = device.scope(() =>
      sliceTokens(
        multiheadDilatedAttention(padTokens(x, 0, L - N), p, shape, {
          key: padTokens(context, 0, L - M),
          branches: dense,
          keyMask: mask,
        }),
        0,
        N,
      ),
    );
    expect(got).toBeAllClose(await take(padded), { atol: 1e-5 });
  });

  it("heeds a mask of the context, as a tensor or an array", async () => {
    const p = weights();
    const [x, context] = [random(5, 1), random(9, 2)];
    const dense = [{ segment: 9, dilation: 1 }];
    const mask = Array.from({ length: 18 }, (_, i) => (i % 9 < 6 ? 1 : 0));
    using tensor = device.tensor(mask, [2, 9], { dtype: "u32" });
    const short = device.scope(() => sliceTokens(context, 0, 6));
    const wanted = await take(multiheadDilatedAttention(x, p, shape, { key: short, branches: dense }));
    for (const keyMask of [mask, tensor]) {
      const got = await take(multiheadDilatedAttention(x, p, shape, { key: context, branches: dense, keyMask }));
      expect(got).toBeAllClose(wanted, { atol: 1e-5 });
    }
  });

  it("refuses packed sequences of different lengths, and other widths", () => {
    const p = weights();
    const call = { key: random(9, 2), branches, cuSeqlens: [0, 5] };
    expect(() => multiheadDilatedAttention(random(5, 1), p, shape, call)).toThrow(ConfigError);
    const narrow = device.zeros([2, 5, 12]);
    expect(() => multiheadDilatedAttention(narrow, p, shape, { branches })).toThrow(ShapeError);
    expect(() => multiheadDilatedAttention(random(5, 1), p, shape, { branches, value: random(4, 1) })).toThrow(/value/);
  });
});

it.each(["none", "xpos", "rope"] as const)("packed sequences do not see each other (%s)", async (position) => {
  const p = weights();
  const turned = { ...shape, position };
  const x = random(20, 3);
  const packed = await take(
    multiheadDilatedAttention(x, p, turned, { branches, causal: true, cuSeqlens: [0, 13, 20] }),
  );
  const second = device.scope(() =>
    multiheadDilatedAttention(sliceTokens(x, 13, 20), p, turned, { branches, causal: true }),
  );
  const rows = (b: number) => packed.slice((b * 20 + 13) * 16, (b + 1) * 20 * 16);
  expect([...rows(0), ...rows(1)]).toBeAllClose(await take(second), { atol: 2e-5 });
});

it("grouped-query heads equal heads that share their keys and values", async () => {
  const p = weights(2);
  const x = random(20, 4);
  const wide = (w: Tensor): Tensor => {
    // Rows of head g stand twice: [2 · 4, ...] -> [4 · 4, ...]
    const columns = w.size / 8;
    const y = device.empty([16, columns]);
    for (let h = 0; h < 4; h++)
      device.copy(w, y, { from: Math.floor(h / 2) * 4 * columns, to: h * 4 * columns, count: 4 * columns });
    return columns === 1 ? reshape(y, [16]) : y;
  };
  const share = ({ weight, bias }: { weight: Tensor; bias: Tensor }) => ({ weight: wide(weight), bias: wide(bias) });
  const shared = { ...p, key: share(p.key), value: share(p.value) };
  const grouped = await take(multiheadDilatedAttention(x, p, { ...shape, kvHeads: 2 }, { branches }));
  expect(grouped).toBeAllClose(await take(multiheadDilatedAttention(x, shared, shape, { branches })), { atol: 1e-5 });
});

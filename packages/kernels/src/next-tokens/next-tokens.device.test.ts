import { ConfigError, type Device, DilatedError, ShapeError } from "@dilated/core";
import { openTestDevice, share } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nextTokensReference } from "./next-tokens.reference.ts";
import { nextTokens } from "./next-tokens.ts";

describe("nextTokens", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openTestDevice();
  });
  afterAll(() => device.dispose());

  const arbitrary = fc
    .record({
      B: fc.integer({ min: 1, max: 3 }),
      length: fc.integer({ min: 2, max: 300 }),
      mask: fc.constantFrom("none", "token", "input", "tensor"),
      packed: fc.constantFrom("none", "tokens", "inputs"),
      seed: fc.integer({ min: 0, max: 1e6 }),
    })
    .map(({ B, length, mask, packed, seed }) => {
      const draw = (i: number, below: number) =>
        Math.floor((Math.abs(Math.sin(seed + i * 12.9898)) * 43758.5453) % below);
      const labels = Array.from({ length: B * length }, (_, i) => [-100, -1, i, i][draw(i, 4)] as number);
      const columns = mask === "input" ? length - 1 : length;
      const keyMask = Array.from({ length: B * columns }, (_, i) => Math.min(1, draw(i + 5, 4)));
      const end = packed === "inputs" ? length - 1 : length;
      const inner = Array.from({ length: end }, (_, i) => i).filter((i) => i > 0 && draw(i + 9, 3) === 0);
      return {
        labels,
        sizes: {
          B,
          length,
          keyMask: mask === "none" ? undefined : keyMask,
          cuSeqlens: packed === "none" ? undefined : [0, ...inner, end],
        },
        onDevice: mask === "tensor",
      };
    });

  test("is the definition", () =>
    fc.assert(
      fc.asyncProperty(arbitrary, async ({ labels, sizes, onDevice }) => {
        const { B, length, keyMask, cuSeqlens } = sizes;
        const ids = device.tensor(labels, [B, length], { dtype: "i32" });
        const mask = keyMask && onDevice ? device.tensor(keyMask, [B, length], { dtype: "u32" }) : keyMask;
        const targets = nextTokens(ids, { keyMask: mask, cuSeqlens });
        expect([targets.dtype, targets.shape]).toEqual(["i32", [B, length - 1]]);
        expect([...(await targets.data())]).toEqual(nextTokensReference(labels, sizes));
        targets.dispose();
        ids.dispose();
        if (mask && "dispose" in mask) mask.dispose();
      }),
      share(100),
    ));

  test.each([
    ["a single token", [1, 1], {}, ShapeError],
    ["a mask of another length", [1, 4], { keyMask: [1, 1] }, ShapeError],
    ["boundaries that end elsewhere", [1, 4], { cuSeqlens: [0, 2] }, ConfigError],
    ["boundaries that fall", [1, 4], { cuSeqlens: [0, 3, 2, 4] }, ConfigError],
    ["an unknown option", [1, 4], { mask: [1] }, ConfigError],
  ] as const)("refuses %s", (_, shape, options, kind) => {
    const call = () => device.scope(() => void nextTokens(device.zeros(shape, { dtype: "i32" }), options as object));
    expect(call).toThrow(kind);
    expect(call).toThrow(DilatedError);
  });

  test("leaves no buffer behind", () => expect(device.stats().byLabel).toEqual({}));
});

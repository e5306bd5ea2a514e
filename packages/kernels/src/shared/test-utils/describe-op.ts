import { type Device, DilatedError, type ErrorCode } from "@dilated/core";
import { openTestDevice, share, shareOf } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkOp, type OpCase } from "./op-case.ts";

/** A call that must be refused: with this code, in a message that matches. */
export interface BadCall {
  readonly name: string;
  readonly call: (device: Device) => unknown;
  readonly code: ErrorCode;
  readonly message: RegExp;
}

/** Every case and random ones, in f32 and f16, forward and gradients, against the reference; then the bad calls; then that nothing leaks but `tables` of the device. */
export function describeOp(
  name: string,
  cases: readonly OpCase[],
  random: fc.Arbitrary<OpCase>,
  bad: readonly BadCall[],
  tables: readonly string[] = [],
): void {
  describe(name, () => {
    let device: Device;
    beforeAll(async () => {
      device = await openTestDevice();
    });
    afterAll(() => device.dispose());

    describe.each(["f32", "f16"] as const)("%s", (dtype) => {
      test.each(shareOf(cases, true))("$name", (one) => checkOp(device, one, dtype));
      test("random shapes", () =>
        fc.assert(
          fc.asyncProperty(random, (one) => checkOp(device, one, dtype)),
          share(32),
        ));
    });

    test.each(bad)("refuses $name", ({ call, code, message }) => {
      const before = device.stats().buffers;
      let error: unknown;
      try {
        device.scope(() => void call(device));
      } catch (thrown) {
        error = thrown;
      }
      expect(DilatedError.is(error) && error.code).toBe(code);
      expect(String(error)).toMatch(message);
      expect(device.stats().buffers).toBe(before);
    });

    test("leaves no buffer behind", () =>
      expect(Object.keys(device.stats().byLabel).filter((label) => !tables.includes(label))).toEqual([]));
  });
}

import type { Device } from "@dilated/core";
import { attentionCase, type CaseBounds, partedCase } from "@dilated-internal/attention-kit/arbitrary";
import { expectRight } from "@dilated-internal/attention-kit/expect-close";
import { openTestDevice, share } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, it } from "vitest";

// Few head dims, because each is a pipeline; small shapes, because software adapters are slow. Operands are of unit
// variance, 4 and 16 times as large.

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

/** Bounds with one of some pairs of head dims, of which every one is a pipeline. */
const boundsOf = (...dims: readonly (readonly [D: number, Dv: number])[]): fc.Arbitrary<CaseBounds> =>
  fc.constantFrom(...dims).map(([D, Dv]) => ({ N: 72, H: 4, D: [D], Dv: [Dv] }));

it("random configurations are what the oracle says", async () => {
  const cases = boundsOf([8, 8], [16, 16], [12, 20], [20, 8]).chain(attentionCase);
  const check = fc.asyncProperty(cases, (test) => expectRight(device, test, "f32"));
  await fc.assert(check, { ...share(200, 8), endOnFailure: true });
});

it("and so are they merged from one to five parts", async () => {
  const cases = boundsOf([8, 8], [16, 16], [20, 8]).chain(partedCase);
  const check = fc.asyncProperty(cases, ({ test, parts }) => expectRight(device, test, "f32", { parts }));
  await fc.assert(check, { ...share(100, 9), endOnFailure: true });
});

it("f16 storage is at most twice as far from the oracle as the naive computation in f16", async () => {
  const check = fc.asyncProperty(attentionCase({ N: 64, H: 4, D: [16] }), (test) => expectRight(device, test, "f16"));
  await fc.assert(check, { ...share(60, 16), endOnFailure: true });
});

it("and f16 parts, whose state is f32", async () => {
  const check = fc.asyncProperty(partedCase({ N: 64, H: 4, D: [16] }), ({ test, parts }) =>
    expectRight(device, test, "f16", { parts }),
  );
  await fc.assert(check, { ...share(30, 17), endOnFailure: true });
});

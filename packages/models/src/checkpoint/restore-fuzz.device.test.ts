import { type Device, DilatedError, readSafetensors, writeSafetensors } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { fc } from "@fast-check/vitest";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLongNetLM, type LongNetLM } from "../longnet-lm/model.ts";
import { adamW } from "../train/optimizer.ts";
import { initTraining } from "../train/state.ts";
import { encodeTraining, restoreTraining } from "./checkpoint.ts";

const optimizer = adamW({ lr: 1e-3 });

let device: Device;
let model: LongNetLM;
let valid: Uint8Array;
beforeAll(async () => {
  device = await openTestDevice();
  model = createLongNetLM(device, { dim: 8, layers: 1, heads: 2, vocab: 5, branches: [{ segment: 8, dilation: 1 }] });
  valid = await encodeTraining({ model, optimizer, state: initTraining(model, optimizer), note: { losses: [1, 2] } });
});
afterAll(() => device?.dispose());

/** Restored or refused; either way nothing stays behind. */
function restoreOrRefuse(bytes: Uint8Array): void {
  const { live } = device.stats();
  device.scope(() => {
    try {
      restoreTraining(bytes, { model, optimizer });
    } catch (error) {
      if (!DilatedError.is(error)) throw error;
      expect(["FORMAT", "CONFIG"]).toContain(error.code);
      expect(device.stats().live, String(error)).toBe(live);
    }
    return [];
  });
  expect(device.stats().live).toBe(live);
}

it("a training checkpoint with flipped bits or cut short is restored or refused", async () => {
  const flips = fc.array(fc.tuple(fc.nat(2500), fc.nat(7)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.property(
      flips,
      fc.oneof(
        { weight: 4, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
      ),
      (changes, share) => {
        const bytes = valid.slice(0, Math.floor(share * valid.length));
        for (const [at, bit] of changes) if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << bit);
        restoreOrRefuse(bytes);
      },
    ),
    { numRuns: 600 },
  );
});

it("a training checkpoint with made-up fields is restored or refused", async () => {
  const { metadata, tensors } = readSafetensors(valid);
  const made = fc.oneof(
    fc.json(),
    fc.string(),
    fc.constantFrom("null", "{}", "[]", '{"name":"adamw"}', '{"step":-1}', '{"ema":0.9}', '{"ema":"x"}'),
  );
  await fc.assert(
    fc.property(fc.constantFrom(...Object.keys(metadata)), made, (field, value) => {
      restoreOrRefuse(writeSafetensors(tensors, { ...metadata, [field]: value }));
    }),
    { numRuns: 500 },
  );
});

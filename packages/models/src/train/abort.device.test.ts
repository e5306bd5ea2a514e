import { AbortedError, type Device, treeTensors } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLongNetLM, type LongNetLM } from "../longnet-lm/model.ts";
import { byteBatches } from "../text/token-batches.ts";
import { sgd } from "./optimizer.ts";
import { train } from "./train.ts";

const text = new Uint8Array(200).map((_, i) => (i * i) % 251);
const batches = byteBatches(text, { seq: 16 });

let device: Device;
let model: LongNetLM;
beforeAll(async () => {
  device = await openTestDevice();
  model = createLongNetLM(device, { dim: 8, layers: 1, heads: 1, branches: [{ segment: 16, dilation: 1 }] });
});
afterAll(() => device.dispose());

const weights = () => Promise.all(treeTensors(model.parameters).map((tensor) => tensor.data()));

/** Aborts in the middle of the first step, and says how many micro-batches were asked for. */
async function abortedIn(microBatch: number, accumulate: number): Promise<number> {
  const controller = new AbortController();
  let asked = 0;
  const given = (index: number) => {
    asked += 1;
    if (index === microBatch) controller.abort();
    return batches(index);
  };
  const options = { optimizer: sgd({ lr: 1 }), steps: 2, accumulate, signal: controller.signal };
  await expect(train(model, given, options).next()).rejects.toThrow(AbortedError);
  return asked;
}

test("a signal ends a step between its micro-batches, and a slow one before it touches the weights", async () => {
  const before = await weights();
  expect(await abortedIn(1, 5)).toBe(2);
  const live = device.stats().live; // with the tables that a forward pass makes once
  expect(await abortedIn(0, 1)).toBe(1); // the first step counts as slow
  expect(await weights()).toEqual(before);
  expect(device.stats().live).toBe(live);
});

import type { Device, Tensor } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dropout } from "../dropout/dropout.ts";
import { layerNorm } from "../norm/norm.ts";
import { mean, sum } from "../reduce/reduce.ts";
import { softmax } from "../softmax/softmax.ts";

const ops: Record<string, (x: Tensor) => Tensor> = {
  "sum of all": (x) => sum(x),
  "mean along rows": (x) => mean(x, { axis: 0 }),
  layerNorm: (x) => layerNorm(x),
  softmax: (x) => softmax(x),
  dropout: (x) => dropout(x, { p: 0.2, seed: 4 }),
};

let devices: Device[];
beforeAll(async () => {
  const first = await openTestDevice();
  const others = first.info.backend === "wasm" ? [1, 3].map((threads) => openTestDevice({ threads })) : [];
  devices = [first, first, ...(await Promise.all(others))];
});
afterAll(() => {
  for (const device of new Set(devices)) device.dispose();
});

test.each(Object.entries(ops))("%s gives the same bits again, and with any number of threads", async (_, op) => {
  const run = async (device: Device) => {
    using x = device.randomNormal([1031, 37], { seed: 5 });
    using y = op(x);
    return y.bytes();
  };
  const [wanted, ...others] = await Promise.all(devices.map(run));
  for (const bytes of others) expect(bytes).toEqual(wanted);
});

import type { Device } from "@dilated/core";
import { afterEach, beforeEach, expect } from "vitest";
import { openDevices } from "./device.ts";

/** Tables that a device makes once and keeps. */
const TABLES: readonly string[] = ["attention plan", "frequencies", "normal table"];

/** Tests that leave tensors of their own to the end of their device. */
const LEAVE: readonly RegExp[] = [
  /core\/src\/(autograd\/autograd|device\/host-numbers|ops\/ops)\./,
  /kernels\/src\/attention\/op\/(dilated-attention|properties)\./,
  /models\/src\/(attention\/attention|layers\/attention-block|longnet\/(longnet|masked-loss)|longnet-vit\/vit)\./,
  /models\/src\/(sample\/(generate|targets)|torchscale\/longvit)\./,
  /models\/src\/train\/(accumulate|ema|lifetime|mixed|tied|train|trainable|weights)\./,
];

/** Live bytes by label, without what stays on purpose. */
function liveOf(device: Device): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(device.stats().byLabel).filter(([label]) => !TABLES.includes(label)));
}

/**
 * Around each test: what it makes on a device that was there before, it frees. A setup file, so that each test file has
 * it.
 */
let before: (readonly [Device, Readonly<Record<string, number>>])[] = [];
beforeEach(() => {
  const path = expect.getState().testPath ?? "";
  if (LEAVE.some((tests) => tests.test(path))) return;
  before = [...openDevices()].map((device) => [device, liveOf(device)] as const);
});
afterEach(() => {
  for (const [device, live] of before.splice(0)) {
    if (!device.disposed) expect(liveOf(device), "tensors that this test leaves on a device").toEqual(live);
  }
});

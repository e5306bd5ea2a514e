import { type Device, openDevice } from "@dilated/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AttentionCase, disposeAll, makeOperands, runCase } from "../gpu/operands.ts";
import { checkAttention, verdict } from "./attention.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice({ backend: "wasm", threads: 1 });
});
afterAll(() => device.dispose());

const run: AttentionCase = {
  N: 96,
  H: 3,
  dtype: "f16",
  causal: true,
  backward: true,
  branches: [
    { segment: 16, dilation: 1 },
    { segment: 32, dilation: 2 },
  ],
};

test.each(["f16", "f32"] as const)(
  "%s: right results pass, in every stretch and with every gradient",
  async (dtype) => {
    const operands = makeOperands(device, { ...run, dtype });
    const results = runCase(operands, { ...run, dtype });
    const errors = await checkAttention(device, operands, results, { ...run, dtype });
    expect(Object.keys(errors).sort()).toEqual(["dk", "dq", "dv", "lse", "out"]);
    expect(verdict(errors, dtype)).toBeUndefined();
    disposeAll({ ...operands, ...results });
  },
);

test.each(["out", "lse", "dq", "dk", "dv"] as const)("%s is caught when it is wrong", async (name) => {
  const operands = makeOperands(device, run);
  const results = runCase(operands, run);
  const size = results[name]?.size ?? 0;
  if (results[name]) device.write(results[name], new Float32Array(size).fill(0.4));
  expect(verdict(await checkAttention(device, operands, results, run), "f16")).toContain(`${name} off by`);
  disposeAll({ ...operands, ...results });
});

test("results of another mask are caught", async () => {
  const operands = makeOperands(device, run);
  const results = runCase(operands, { ...run, causal: false });
  expect(verdict(await checkAttention(device, operands, results, run), "f16")).toBeDefined();
  disposeAll({ ...operands, ...results });
});

test("no tensor stays alive", () => {
  expect(
    Object.keys(device.stats().byLabel).filter((label) => !["normal table", "attention plan"].includes(label)),
  ).toEqual([]);
});

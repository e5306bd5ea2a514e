import { hurryClock, turnsDuring } from "@dilated-internal/testing/turns";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ConfigError, FormatError } from "../errors/index.ts";
import { decodeSafetensors, readSafetensors } from "./read.ts";
import { encodeSafetensors, type TensorToWrite, writeSafetensors } from "./write.ts";

beforeEach(hurryClock);
afterEach(() => vi.restoreAllMocks());

const values = Float32Array.from({ length: 2 ** 20 + 3 }, (_, i) => i / 7);
const f16: TensorToWrite = { dtype: "f16", shape: [values.length], data: values };

it("encoding pauses within a tensor that is copied or converted, and gives the bytes of the synchronous way", async () => {
  let bytes = new Uint8Array();
  const long: TensorToWrite = { dtype: "f32", shape: [5 * 2 ** 20], data: new Float32Array(5 * 2 ** 20) };
  expect(
    await turnsDuring(async () => {
      bytes = await encodeSafetensors({ long });
    }),
  ).toBeGreaterThanOrEqual(3); // 20 MiB
  expect(Buffer.compare(bytes, writeSafetensors({ long }))).toBe(0);
  const ofHalves = await turnsDuring(async () => {
    bytes = await encodeSafetensors({ f16 }, { note: "n" });
  });
  expect(ofHalves).toBeGreaterThanOrEqual(3);
  expect(Buffer.compare(bytes, writeSafetensors({ f16 }, { note: "n" }))).toBe(0);
  const whole = writeSafetensors({ f16: { ...f16, data: Array.from(values) } }, { note: "n" });
  expect(Buffer.compare(bytes, whole)).toBe(0);
});

it("refuses what the synchronous way refuses, by rejecting", async () => {
  for (const wrong of [undefined, null, 7, { x: undefined }, { x: 7 }]) {
    await expect(encodeSafetensors(wrong as never)).rejects.toThrow(ConfigError);
    expect(() => writeSafetensors(wrong as never)).toThrow(ConfigError);
  }
  await expect(encodeSafetensors({}, null as never)).rejects.toThrow(ConfigError);
  await expect(encodeSafetensors({ x: { ...f16, shape: [3] } })).rejects.toThrow(/holds 3/);
});

it("decoding pauses within a long header, and gives what the synchronous way gives", async () => {
  const tensors = Array.from({ length: 10_000 }, (_, i): [string, TensorToWrite] => [
    `layers.${i}.weight`,
    { dtype: "u32", shape: [1], data: [i] },
  ]);
  const bytes = writeSafetensors(tensors, { note: "n" });
  let found = readSafetensors(writeSafetensors({}));
  expect(
    await turnsDuring(async () => {
      found = await decodeSafetensors(bytes);
    }),
  ).toBeGreaterThanOrEqual(2);
  expect(found).toEqual(readSafetensors(bytes));
  await expect(decodeSafetensors(bytes.subarray(0, 1000))).rejects.toThrow(FormatError);
  await expect(decodeSafetensors("x" as never)).rejects.toThrow(ConfigError);
});

import { readFileSync } from "node:fs";
import { f16ToF32, LimitError } from "@dilated/core";
import { describe, expect, it } from "vitest";
import { readPth } from "./read.ts";

// Written by PyTorch itself; test/fixtures/pth/make.py says what is in them.
const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../test/fixtures/pth/${name}`, import.meta.url)));
const base = Float32Array.from({ length: 24 }, (_, i) => i / 8);
const at = (i: number, j: number, k: number): number => base[12 * i + 4 * j + k] as number;

describe.each(["dtypes.pth", "torch2.pth"])("%s", (name) => {
  const { tensors, metadata } = readPth(file(name));

  it.each([
    ["f32", "f32", [2, 3, 4], base],
    ["f64", "f32", [2, 3, 4], base.map((x) => x + 1e-12)],
    ["bf16", "f32", [2, 3, 4], base],
    ["i64", "i32", [2, 2], Int32Array.of(-1, 2, 3, -(2 ** 31))],
    ["i32", "i32", [2], Int32Array.of(7, -8)],
    ["i16", "i32", [2], Int32Array.of(300, -300)],
    ["i8", "i32", [2], Int32Array.of(-128, 127)],
    ["u8", "u32", [2], Uint32Array.of(0, 255)],
    ["bool", "u32", [3], Uint32Array.of(1, 0, 1)],
    ["scalar", "f32", [], Float32Array.of(2.5)],
    ["empty", "f32", [0, 3], Float32Array.of()],
    ["transposed", "f32", [4, 3, 2], base.map((_, i) => at(i % 2, Math.floor(i / 2) % 3, Math.floor(i / 6)))],
    ["slice", "f32", [1, 2, 2], Float32Array.of(at(1, 0, 1), at(1, 0, 2), at(1, 2, 1), at(1, 2, 2))],
    ["expanded", "f32", [3, 2], Float32Array.of(1, 2, 1, 2, 1, 2)],
    ["tail", "f32", [3, 4], base.slice(12)],
    ["parameter", "f32", [2], Float32Array.of(0.5, -0.5)],
  ] as const)("%s becomes %s %j", (key, dtype, shape, data) => {
    expect(tensors.get(key)).toEqual({ dtype, shape, data });
  });

  it("keeps f16 as words, shares what torch shares, and keeps the order", () => {
    const half = tensors.get("f16");
    expect([half?.dtype, f16ToF32(half?.data as Uint16Array)]).toEqual(["f16", base]);
    expect(tensors.get("tied")?.data).toBe(tensors.get("f32")?.data);
    expect([...tensors.keys()].slice(0, 3)).toEqual(["f32", "f64", "f16"]);
    expect(metadata).toEqual({});
  });
});

it("does not copy what is contiguous", () => {
  const bytes = file("dtypes.pth");
  expect(readPth(bytes).tensors.get("f32")?.data.buffer).toBe(bytes.buffer);
  const moved = new Uint8Array(bytes.length + 1);
  moved.set(bytes, 1);
  expect(readPth(moved.subarray(1)).tensors).toEqual(readPth(bytes).tensors);
  for (const shift of [0, 1, 2, 4]) {
    const part = Buffer.concat([Buffer.alloc(shift, 7), bytes]).subarray(shift); // its slice() is no copy
    expect(readPth(part).tensors).toEqual(readPth(bytes).tensors);
  }
});

it.each([3, 4, 5])("reads pickle protocol %i, and integers of any size", (protocol) => {
  const { tensors, metadata } = readPth(file(`protocol${protocol}.pth`));
  expect(tensors.get("b")).toEqual({
    dtype: "f32",
    shape: [4, 2],
    data: Float32Array.of(0, 4, 1, 5, 2, 6, 3, 7).map((x) => x / 8),
  });
  expect(metadata).toEqual({ n: 2 ** 40, big: 2n ** 70n, neg: -3 });
});

it("finds the model of a training checkpoint, and gives the rest as plain data", () => {
  const { tensors, metadata } = readPth(file("training.pth"));
  expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
    ["fc1.weight", [4, 3]],
    ["fc1.bias", [4]],
    ["norm.weight", [4]],
    ["norm.bias", [4]],
    ["fc2.weight", [2, 4]],
    ["fc2.bias", [2]],
  ]);
  expect(metadata).toMatchObject({
    epoch: 7,
    best: 0.75,
    steps: 12,
    args: { lr: 1e-3, layers: 12, task: "tcga_subtyping", resume: null, betas: [0.9, 0.98] },
    device: "cuda:0",
    dtype: "torch.float16",
    size: [3, 4],
    tasks: ["a"],
    rng: { dtype: "u32", shape: [4] },
    optimizer: { state: { 0: { step: { dtype: "f32", shape: [] }, exp_avg: { dtype: "f32", shape: [4, 3] } } } },
  });
  expect(metadata).not.toHaveProperty("model");
});

it("asks which, where a checkpoint holds two models", () => {
  const bytes = file("two-models.pth");
  expect(() => readPth(bytes)).toThrow(/several dictionaries[\s\S]*"student": 6 tensors[\s\S]*"teacher": 6 tensors/);
  expect(() => readPth(bytes, { key: "pupil" })).toThrow(/no dictionary of tensors at "pupil"/);
  const { tensors, metadata } = readPth(bytes, { key: "teacher", filter: (name) => name.startsWith("fc1") });
  expect([...tensors.keys()]).toEqual(["fc1.weight", "fc1.bias"]);
  expect(metadata).toMatchObject({ student: { "fc1.bias": { dtype: "f32", shape: [4] } } });
  expect(readPth(file("training.pth"), { key: "optimizer.state.0" }).tensors.get("exp_avg")?.shape).toEqual([4, 3]);
});

it("reads a file that is one tensor", () => {
  expect(readPth(file("tensor.pt")).tensors).toEqual(
    new Map([["tensor", { dtype: "f32", shape: [3, 4], data: base.slice(0, 12) }]]),
  );
});

it("bounds what is unpacked", () => {
  expect(() => readPth(file("dtypes.pth"), { maxBytes: 100 })).toThrow(LimitError);
  expect(readPth(file("dtypes.pth"), { maxBytes: 0, filter: (name) => name === "f32" }).tensors.size).toBe(1);
});

it.each([
  ["legacy.pth", /before 1\.6/],
  ["script.pt", /TorchScript/],
  ["module.pt", /"torch\.nn\.modules\.container\.Sequential", which is not on the list/],
])("refuses %s, and says why", (name, message) => {
  expect(() => readPth(file(name))).toThrow(message);
});

import {
  type Device,
  DeviceLostError,
  DilatedError,
  defineKernel,
  OutOfMemoryError,
  openDevice,
  ShaderError,
} from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { describe, expect, inject, test } from "vitest";
import { createLongNetLM } from "../longnet-lm/model.ts";
import { byteBatches } from "../text/token-batches.ts";
import { adamW } from "../train/optimizer.ts";
import { reportsOf, text } from "../train/test-utils/tiny.ts";

const optimizer = adamW({ lr: 1e-2 });
const batches = byteBatches(text, { seq: 8, batch: 1, seed: 3 });
const sizes = { dim: 8, layers: 1, heads: 2, hidden: 16, vocab: 128, branches: [{ segment: 8, dilation: 1 }] };

/** Two steps: whatever goes wrong in the first shows in the second at the latest. */
async function train(device: Device): Promise<(number | undefined)[]> {
  using model = createLongNetLM(device, sizes, { seed: 1 });
  const steps = await reportsOf(model, { steps: 2, keepState: false, optimizer }, batches);
  return steps.flatMap(({ loss, gradNorm }) => [loss, gradNorm]);
}

/** Places that are tried. */
const MOST = 6;

/** In Node alone: a page has no environment. */
const everyFault = "process" in globalThis && process.env.DILATED_FAULTS === "all";

type Launch = Parameters<Device["run"]>;

/** Counts launches, and hands the n-th to somebody else. */
function atLaunch(device: Device, n: number, strike: (...launch: Launch) => void): { count: number } {
  const run = device.run.bind(device);
  const seen = { count: 0 };
  Object.assign(device, { run: (...launch: Launch) => (seen.count++ === n ? strike : run)(...launch) });
  return seen;
}

/**
 * About `most` launches of a step, at distances that are no multiple of anything that repeats in them; every one with
 * DILATED_FAULTS=all.
 */
async function placesOf(device: Device, most: number): Promise<number[]> {
  const run = device.run.bind(device);
  const seen = atLaunch(device, -1, () => {});
  await train(device);
  Object.assign(device, { run });
  const each = everyFault ? 1 : 1 + 2 * Math.floor(seen.count / 2 / most / 2);
  return Array.from({ length: Math.floor(seen.count / 2 / each) }, (_, i) => i * each);
}

/** Nothing is there but this tensor, which can be read, and the device does all that it did before. */
async function checkWhole(device: Device, live: number, want: unknown): Promise<void> {
  expect(device.stats().live).toBe(live);
  expect(await train(device)).toEqual(want);
  expect(device.stats().live).toBe(live);
}

describe.runIf(inject("backend") === "wasm")("a step of training on WebAssembly", () => {
  // (module (import "env" "memory" (memory 1 65536 shared)) (func (export "trap") (param i32 i32 i32 i32) unreachable))
  const hex = [
    ["0061736d01000000", "0108016004", "7f7f7f7f00"],
    ["021201", "03656e76", "066d656d6f7279", "020301808004"],
    ["03020100", "0708010474726170", "0000", "0a05010300000b"],
  ];
  const bytes = Uint8Array.from(hex.flat().join("").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const trap = defineKernel({
    name: "trap",
    tensors: {},
    scalars: {},
    wasm: { module: { name: "trap", simd: bytes, relaxed: bytes }, entry: "trap" },
  });

  test("a trap at any launch ends whatever waits, with the kernel's name, and a new device works", async () => {
    using first = await openTestDevice({ threads: 1 });
    const places = await placesOf(first, MOST);
    const want = await train(first);
    for (const [i, n] of places.entries()) {
      using device = await openTestDevice({ threads: 1 + (i % 2) });
      const run = device.run.bind(device);
      atLaunch(device, n, () => run(trap, { tensors: {}, scalars: {}, groups: 0, items: 1 }));
      const error: unknown = await train(device).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(DeviceLostError);
      expect(String(error)).toMatch(/"trap" trapped/);
      await expect(device.sync()).rejects.toThrow(DeviceLostError);
      expect(await device.lost).toBeInstanceOf(DeviceLostError);
    }
    expect(await train(first)).toEqual(want);
  });

  test("so does a thread that dies", async () => {
    const { Worker } = await import("node:worker_threads");
    const workers: InstanceType<typeof Worker>[] = [];
    const { ref } = Worker.prototype;
    Worker.prototype.ref = function (this: InstanceType<typeof Worker>) {
      workers.push(this);
      ref.call(this);
    };
    try {
      using first = await openTestDevice({ threads: 2 });
      const want = await train(first);
      for (const n of await placesOf(first, MOST)) {
        workers.length = 0;
        using device = await openTestDevice({ threads: 2 });
        const run = device.run.bind(device);
        atLaunch(device, n, (...launch) => {
          void workers[1]?.terminate();
          run(...launch);
        });
        // Where it slept, the others may have done everything before the news comes.
        const outcome: unknown = await train(device).catch((caught: unknown) => caught);
        if (Array.isArray(outcome)) expect(outcome).toEqual(want);
        else expect(outcome).toBeInstanceOf(DeviceLostError);
        expect(await device.lost).toBeInstanceOf(DeviceLostError);
        await expect(device.sync()).rejects.toThrow(DeviceLostError);
      }
      expect(await train(first)).toEqual(want);
    } finally {
      Worker.prototype.ref = ref;
    }
  });
});

describe.runIf(inject("backend") === "webgpu")("a step of training on WebGPU", () => {
  const broken = { source: "fn main( {" };

  test("a kernel that is refused at any launch fails the step, and nothing else", async () => {
    using device = await openTestDevice();
    const kept = device.tensor([1, 2, 3]);
    const [places, want] = [await placesOf(device, MOST), await train(device)];
    const { live } = device.stats();
    for (const n of places) {
      const run = device.run.bind(device);
      atLaunch(device, n, (kernel, call) => run({ ...kernel, wgsl: broken }, call));
      const error: unknown = await train(device).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ShaderError);
      expect([...(await kept.data())]).toEqual([1, 2, 3]);
      Object.assign(device, { run });
    }
    await checkWhole(device, live, want);
  });

  test("a buffer that cannot be had fails what needs it, and nothing else", async () => {
    const { lentDevice } = await import("@dilated-internal/testing/lent-device");
    const gpuDevice = await lentDevice();
    const create = gpuDevice.createBuffer.bind(gpuDevice);
    using device = await openDevice({ gpuDevice, allowSoftware: true });
    const kept = device.tensor([1, 2, 3]);
    const want = await train(device);
    const { live } = device.stats();
    let [count, bad] = [0, -1];
    Object.defineProperty(gpuDevice, "createBuffer", {
      value: (descriptor: GPUBufferDescriptor) => {
        const fails = descriptor.label === "dilated tensor" && count++ === bad;
        return create(fails ? { ...descriptor, size: 2 ** 46 } : descriptor);
      },
    });
    device.trim();
    await train(device);
    for (let n = count - 1; n >= 0; n -= everyFault ? 1 : 1 + 2 * Math.floor(count / 16)) {
      [count, bad] = [0, n];
      device.trim();
      const outcome: unknown = await train(device).catch((caught: unknown) => caught);
      if (DilatedError.is(outcome)) expect(outcome).toBeInstanceOf(OutOfMemoryError);
      else expect(outcome).toEqual(want); // a buffer of the size was free again by the time that it was needed
      expect([...(await kept.data())]).toEqual([1, 2, 3]);
      expect(device.stats().live).toBe(live);
    }
    bad = -1;
    await checkWhole(device, live, want);
  });

  test("a device that is lost at any launch ends whatever waits, and a new one works", async () => {
    const { lentDevice } = await import("@dilated-internal/testing/lent-device");
    using first = await openTestDevice();
    const [places, want] = [await placesOf(first, 3), await train(first)];
    for (const n of places) {
      const gpuDevice = await lentDevice();
      using device = await openDevice({ gpuDevice, allowSoftware: true });
      const run = device.run.bind(device);
      atLaunch(device, n, (...launch) => {
        gpuDevice.destroy();
        run(...launch);
      });
      const reads = Promise.allSettled([device.tensor([1]).data(), device.sync()]);
      expect(await train(device).catch((caught: unknown) => caught)).toBeInstanceOf(DeviceLostError);
      expect(await device.lost).toBeInstanceOf(DeviceLostError);
      await reads;
    }
    expect(await train(first)).toEqual(want);
  });
});

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Device } from "../device/device.ts";
import { openDevice } from "../device/open.ts";
import { accumulate } from "../ops/accumulate.ts";
import { fill } from "../ops/fill.ts";
import { hasWasm, testKernel } from "./test-utils/module.ts";

describe.runIf(hasWasm).each([1, 3])("the WebAssembly queue on %i threads", (threads) => {
  let device: Device;
  beforeEach(async () => {
    device = await openDevice({ backend: "wasm", threads });
  });
  afterEach(() => device.dispose());

  it("has its threads", () => {
    expect(device.info).toMatchObject({ backend: "wasm", threads, reason: "asked for" });
  });

  it.each([1, 7, 100_003])("does each of %i items once a launch", async (items) => {
    const y = device.zeros([items], { dtype: "u32" });
    for (let i = 0; i < 50; i++) device.run(testKernel("count"), { tensors: { y }, scalars: {}, groups: 0, items });
    expect((await y.data()).every((count) => count === 50)).toBe(true);
  });

  it("keeps the order of 20,000 launches, many times around the ring", async () => {
    const x = device.zeros([4]);
    const one = device.full([4], 1);
    for (let i = 0; i < 10_000; i++) {
      accumulate(x, one, x);
      if (i === 5_000) fill(x, 0);
      fill(one, (i % 2) + 1); // the next launch must see it
    }
    let expected = 0;
    for (let i = 0, step = 1; i < 10_000; i++, step = ((i - 1) % 2) + 1) expected = i === 5_000 ? 0 : expected + step;
    expect(await x.data()).toEqual(new Float32Array(4).fill(expected));
  });

  it("orders uploads with launches while it is busy", async () => {
    const big = device.full([1_000_000], 1);
    const x = device.empty([1000]);
    const sum = device.zeros([1000]);
    for (let i = 1; i <= 300; i++) {
      if (i % 10 === 0) accumulate(big, big); // dropped results: their memory is used again at once
      device.write(x, new Float32Array(1000).fill(i));
      accumulate(sum, x, sum);
    }
    expect((await sum.data())[999]).toBe((300 * 301) / 2);
  });

  it("reads what a tensor held at that point of the queue", async () => {
    const x = device.full([100_000], 1);
    const reads: Promise<ArrayLike<number>>[] = [];
    for (let i = 0; i < 20; i++) {
      fill(x, i);
      reads.push(x.data());
    }
    const last = x.data();
    x.dispose();
    const other = device.full([100_000], -1);
    const values = await Promise.all(reads);
    expect(values.map((data) => data[99_999])).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect((await last)[0]).toBe(19);
    expect((await other.data())[0]).toBe(-1);
  });

  it("reads long tensors in their turn, without memory of the device", async () => {
    const size = 1_100_000; // more than what a snapshot is taken of
    const x = device.full([size], 1);
    const before = device.stats().pooled;
    const reads: Promise<ArrayLike<number>>[] = [];
    for (let i = 0; i < 3; i++) {
      fill(x, i);
      reads.push(x.data());
    }
    fill(x, 9);
    for (const [i, data] of (await Promise.all(reads)).entries()) expect([data[0], data[size - 1]]).toEqual([i, i]);
    expect(device.stats().pooled).toBe(before);
    for (let i = 0; i < 20; i++) fill(x, i);
    device.write(x, new Float32Array(size).fill(10));
    const last = x.data();
    x.dispose();
    device.write(device.empty([size]), new Float32Array(size).fill(-1)); // the same memory, perhaps
    expect((await last)[size - 1]).toBe(10);
  });

  it("lets the event loop in while it works", async () => {
    const x = device.zeros([1_000_000]);
    await device.sync();
    // 600 MB, usually several slices; more of them where a fast machine needs but one.
    let turns = 0;
    for (let fills = 150; turns < 2 && fills < 5_000; fills *= 2) {
      for (let i = 0; i < fills; i++) fill(x, i);
      turns = 0;
      let done = false;
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        turns += 1;
        if (!done) port2.postMessage(0);
      };
      port2.postMessage(0);
      await device.sync();
      done = true;
      port1.close();
    }
    expect(turns).toBeGreaterThan(1);
  });

  it("passes more words than a slot holds", async () => {
    const count = 100;
    const y = device.zeros([count + 1], { dtype: "u32" });
    const scalars = Object.fromEntries(Array.from({ length: count }, (_, i) => [`w${i}`, i * 3]));
    for (let i = 0; i < 20; i++)
      device.run(testKernel("echo", count), { tensors: { y }, scalars, groups: 0, items: count + 1 });
    expect([...(await y.data())].slice(1)).toEqual(Object.values(scalars));
  });

  it("gives every thread scratch of its own", async () => {
    const y = device.zeros([64], { dtype: "u32" });
    device.run(testKernel("whereScratch"), { tensors: { y }, scalars: {}, groups: 0, items: 64, scratchBytes: 100 });
    const places = [...new Set(await y.data())].sort((a, b) => a - b);
    expect(places.length).toBeLessThanOrEqual(threads);
    for (const place of places) expect((place - (places[0] as number)) % 128).toBe(0);
    expect((places[0] as number) % 64).toBe(0);
  });

  it("grows the memory while threads work", async () => {
    const kept = Array.from({ length: 12 }, (_, i) => device.full([2_000_000], i)); // 96 MB
    for (const [i, tensor] of kept.entries()) expect((await tensor.data())[1_999_999]).toBe(i);
  });
});

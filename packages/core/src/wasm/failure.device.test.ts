import { describe, expect, it } from "vitest";
import type { Device } from "../device/device.ts";
import { openDevice } from "../device/open.ts";
import { ConfigError, DeviceLostError, DisposedError, OutOfMemoryError, ShaderError } from "../errors/index.ts";
import { fill } from "../ops/fill.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { hasWasm, testKernel } from "./test-utils/module.ts";

const launch = { scalars: {}, groups: 0 };

describe.runIf(hasWasm)("failures of the WebAssembly device", () => {
  it.each([1, 2, 3])(
    "a trap rejects who waits, names the kernel, and the device is lost (%i threads)",
    async (threads) => {
      using device = await openDevice({ backend: "wasm", threads });
      const y = device.zeros([1000]);
      device.run(testKernel("trap"), { ...launch, tensors: { y }, items: 100 });
      const read = y.data();
      const sync = device.sync();
      await expect(read).rejects.toThrow(DeviceLostError);
      await expect(sync).rejects.toThrow(/test_trap/);
      expect((await device.lost).message).toMatch(/kernel "test_trap" trapped/);
      expect(() => fill(y, 1)).toThrow(DeviceLostError);
      await expect(y.data()).rejects.toThrow(/test_trap/);
    },
  );

  it("an address outside the memory is a trap", async () => {
    using device = await openDevice({ backend: "wasm", threads: 2 });
    const y = device.zeros([4], { dtype: "u32" });
    device.run(testKernel("count"), { ...launch, tensors: { y }, items: 2 ** 31 - 1 });
    await expect(device.sync()).rejects.toThrow(/out of bounds/i);
  });

  it("a kernel that never ends can be disposed of", async () => {
    const device = await openDevice({ backend: "wasm", threads: 2 });
    const y = device.zeros([4]);
    device.run(testKernel("forever"), { ...launch, tensors: { y }, items: 2 });
    const read = y.data();
    device.dispose();
    await expect(read).rejects.toThrow(DisposedError);
    device.dispose();
    y.dispose();
  });

  it("a profile of a kernel that never ends leaves the calling thread its turns", async () => {
    const device = await openDevice({ backend: "wasm", threads: 2 });
    const y = device.zeros([4]);
    const profile = device.profile(() => device.run(testKernel("forever"), { ...launch, tensors: { y }, items: 2 }));
    setTimeout(() => device.dispose(), 0);
    await expect(profile).rejects.toThrow(DisposedError);
  });

  it.each([1, 2])("after dispose, what is kept of the device says so (%i threads)", async (threads) => {
    const device = await openDevice({ backend: "wasm", threads });
    const y = device.full([4], 1);
    device.dispose();
    await expect(y.data()).rejects.toThrow(DisposedError);
    expect(() => device.write(y, [1, 2, 3, 4])).toThrow(DisposedError);
    expect(() => device.copy(y, y)).toThrow(DisposedError);
    expect(device.info.threads).toBe(threads);
    device.trim();
    y.dispose();
  });

  it("an entry that the module lacks is named", async () => {
    using device = await openDevice({ backend: "wasm", threads: 1 });
    const kernel = testKernel("count");
    const wrong = {
      ...kernel,
      wasm: { module: (kernel.wasm as NonNullable<typeof kernel.wasm>).module, entry: "absent" },
    };
    expect(() => device.run(wrong, { ...launch, tensors: { y: device.zeros([4]) }, items: 1 })).toThrow(ShaderError);
  });

  it.each([1, 2])("over the budget, the error names sizes and nothing is lost (%i threads)", async (threads) => {
    using device = await openDevice({ backend: "wasm", threads, memoryBudget: 8_000_000 });
    const x = device.full([1_000_000], 2);
    expect(() => device.empty([1_000_001])).toThrow(OutOfMemoryError);
    expect(() => device.empty([1_000_001])).toThrow(
      /4000016 bytes asked for[\s\S]*live 4000000 bytes[\s\S]*budget 8000000/,
    );
    const y = device.full([1_000_000], 3);
    expect(device.stats().live).toBe(8_000_000);
    expect((await x.data())[0]).toBe(2);
    y.dispose();
    x.dispose();
    device.full([500_000], 1).dispose(); // other sizes make the pool give way
    expect((await device.full([2_000_000], 4).data())[1_999_999]).toBe(4);
    expect(device.stats().live + device.stats().pooled).toBeLessThanOrEqual(8_000_000);
  });

  it("does not give more than 4 GiB", async () => {
    using device = await openDevice({ backend: "wasm", threads: 1 });
    expect(() => device.empty([2 ** 30])).toThrow(/largest tensor/);
    const most = device.limits.maxTensorBytes;
    expect(most).toBeGreaterThan(2 ** 29);
    expect(most).toBeLessThan(2 ** 32);
  });

  /** What the error of a tensor of so many elements says would fit, in bytes. */
  function promised(device: Device, elements: number): number {
    try {
      device.empty([elements]).dispose();
    } catch (error) {
      expect(error).toBeInstanceOf(OutOfMemoryError);
      return Number(/ask for at most (\d+) bytes/.exec((error as Error).message)?.[1]);
    }
    throw new Error(`${elements} elements fit`);
  }

  /** That much fits, and no page more. */
  function checkPromise(device: Device, elements: number): void {
    const most = promised(device, elements);
    expect(most).toBeLessThan(elements * 4);
    if (most > 0) device.empty([most / 4]).dispose();
    expect(promised(device, most / 4 + 16_384 + 16)).toBe(most);
  }

  it.each([1, 2])("says what would fit, and that fits, full or in holes (%i threads)", async (threads) => {
    using device = await openDevice({ backend: "wasm", threads });
    const all = device.limits.maxTensorBytes / 4;
    device.empty([all]).dispose(); // the limit of a tensor is what an empty device has
    for (const size of [150_000_000, 30_000_000, 7_000_000]) {
      const kept: Tensor[] = [];
      while (kept.length < 1_000) {
        try {
          kept.push(device.empty([size + kept.length])); // untouched, so it costs nothing
        } catch {
          break;
        }
      }
      checkPromise(device, size * 2);
      for (const [i, tensor] of kept.entries()) if (i % 2 === 0) tensor.dispose(); // holes
      checkPromise(device, all);
      for (const [i, tensor] of kept.entries()) if (i % 4 === 1) tensor.dispose(); // holes of three
      checkPromise(device, all);
      for (const [i, tensor] of kept.entries()) if (i % 4 === 3) tensor.dispose();
    }
    device.empty([all]).dispose(); // again, when all is given back
  });

  it("an empty device promises its budget, and what is left of it", async () => {
    using device = await openDevice({ backend: "wasm", threads: 1, memoryBudget: 8_000_000 });
    using one = device.empty([4]);
    expect(promised(device, 2_000_000)).toBe(8_000_000 - 16);
    using rest = device.empty([2_000_000 - 4]);
    expect([one.size, rest.size]).toEqual([4, 1_999_996]);
    expect(promised(device, 4)).toBe(0);
  });

  it("lists wrong options", async () => {
    const options = { backend: "wasm", threads: 0, thread: 3, memoryBudget: -1 } as object;
    await expect(openDevice(options)).rejects.toThrow(ConfigError);
    await expect(openDevice(options)).rejects.toThrow(/thread: unknown[\s\S]*threads: 0[\s\S]*memoryBudget: -1/);
  });
});

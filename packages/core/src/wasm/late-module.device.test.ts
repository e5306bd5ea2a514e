import { zlibSync } from "fflate";
import { afterEach, describe, expect, it } from "vitest";
import { openDevice } from "../device/open.ts";
import type { PackedBuild, PackedWasmModule } from "../kernel/definition.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { packedModule, packedModules } from "./packed.ts";
import { hasWasm, testKernel, testModule } from "./test-utils/module.ts";

/** A build as the build inlines it: raw deflate, so without the two bytes in front and the four behind. */
const packed = btoa(String.fromCharCode(...zlibSync(testModule.simd).subarray(2, -4)));

const made: PackedWasmModule[] = [];
function lateModule(simd: PackedBuild): PackedWasmModule {
  const module = packedModule(`late ${made.length}`, { simd });
  made.push(module);
  return module;
}
afterEach(() => {
  for (const module of made.splice(0)) packedModules.delete(module);
});

/** Counts the runs of each item in `y`. */
function count(y: Tensor, module: PackedWasmModule): void {
  const kernel = { ...testKernel("count"), wasm: { module, entry: "count" } };
  y.device.run(kernel, { tensors: { y }, scalars: {}, groups: 0, items: y.size });
}

describe.runIf(hasWasm).each([1, 2])("kernels of a module that comes after the device, %i threads", (threads) => {
  const open = () => openDevice({ backend: "wasm", threads });

  it("run in their turn once it is there, and everything behind them", async () => {
    using device = await open();
    let arrive = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const module = lateModule(async () => {
      await arrived;
      return { default: packed };
    });
    using y = device.zeros([5], { dtype: "u32" });
    count(y, module);
    const once = y.data();
    count(y, module);
    arrive();
    expect([...(await once)]).toEqual([1, 1, 1, 1, 1]);
    count(y, module);
    expect([...(await y.data())]).toEqual([3, 3, 3, 3, 3]);
  });

  it("can be warmed up", async () => {
    using device = await open();
    const module = lateModule(async () => ({ default: packed }));
    using y = device.zeros([1], { dtype: "u32" });
    await device.warmup(() => count(y, module));
    count(y, module);
    expect([...(await y.data())]).toEqual([1]);
  });

  it("fail what depends on them where it cannot be loaded, and nothing else; another try may do", async () => {
    using device = await open();
    let missing = true;
    const module = lateModule(async () => {
      if (missing) throw new TypeError("404");
      return { default: packed };
    });
    using y = device.zeros([1], { dtype: "u32" });
    using other = device.full([1], 7);
    count(y, module);
    await expect(y.data()).rejects.toThrow(/module "late 0" could not be loaded[\s\S]*404/);
    expect([...(await other.data())]).toEqual([7]);
    missing = false;
    device.write(y, [0]);
    count(y, module);
    expect([...(await y.data())]).toEqual([1]);
  });

  it("and no device opens without those that are there", async () => {
    lateModule(() => Promise.reject(new TypeError("404")));
    await expect(open()).rejects.toThrow(/module "late 0" could not be loaded[\s\S]*404/);
  });
});

import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { apply } from "../autograd/apply.ts";
import type { DifferentiableOp } from "../autograd/op.ts";
import { valueAndGrad } from "../autograd/value-and-grad.ts";
import type { Device } from "../device/device.ts";
import { DilatedError } from "../errors/index.ts";
import { accumulate } from "../ops/accumulate.ts";
import { fill } from "../ops/fill.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type HostTaskOptions, hostTask } from "./host-task.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

/** A promise, and who resolves it. */
function latch(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** The code of the error that `work` rejects with; undefined where it does not. */
async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return DilatedError.is(error) ? error.code : String(error);
  }
}

/** y = 2 x, on the host. */
const doubled = (x: Tensor, more: Partial<HostTaskOptions> = {}): Tensor =>
  hostTask(device, {
    name: "doubled",
    inputs: [x],
    outputs: [{ shape: x.shape }],
    work: async ([given]) => [Array.from(given?.data ?? [], (value) => 2 * value)],
    ...more,
  }).wait()[0] as Tensor;

describe("a host task", () => {
  test("reads what is there when it starts, and delivers where it is waited for", async () => {
    using x = device.tensor([1, 2, 3, 4]);
    const gate = latch();
    const task = hostTask(device, {
      inputs: [x],
      outputs: [{ shape: [4] }, { shape: [2], dtype: "i32" }],
      work: async ([given]) => {
        await gate.opened;
        return [given?.data as Float32Array, [7, 8]];
      },
    });
    fill(x, 5);
    expect([...(await x.data())]).toEqual([5, 5, 5, 5]); // kernels run on beside it
    const [y, n] = task.wait() as [Tensor, Tensor];
    accumulate(y, x, y);
    const late = y.data();
    fill(y, 0);
    gate.open();
    expect([...(await late)]).toEqual([6, 7, 8, 9]);
    expect([...(await y.data())]).toEqual([0, 0, 0, 0]);
    expect(await n.data()).toEqual(Int32Array.of(7, 8));
    await task.finished;
    for (const tensor of [y, n]) tensor.dispose();
  });

  test("f16 comes and goes as raw words", async () => {
    using x = device.tensor([1, -2, 0.5], [3], { dtype: "f16" });
    const [y] = hostTask(device, {
      inputs: [x],
      outputs: [{ shape: [3], dtype: "f16" }],
      work: ([given]) => [given?.data as Uint16Array],
    }).wait() as [Tensor];
    expect(await y.bytes()).toEqual(await x.bytes());
    y.dispose();
  });

  test("is an operation through which gradients flow", async () => {
    const op: DifferentiableOp<undefined> = {
      name: "doubled",
      forward: ([x]) => ({ outputs: [doubled(x as Tensor)], saved: [] }),
      backward: ({ grads: [dy] }) => [doubled(dy as Tensor)],
    };
    using x = device.tensor([3]);
    const { value, grads } = valueAndGrad(x, () => apply(op, [apply(op, [x], undefined)[0]], undefined)[0] as Tensor);
    expect([await value.item(), await grads.item()]).toEqual([12, 4]);
    for (const tensor of [value, grads]) tensor.dispose();
  });

  test("gives back what waited with it, step after step", async () => {
    const sizes = new Set<number>();
    using x = device.tensor([1, 1]);
    for (let step = 0; step < 30; step++) {
      device.scope(() => {
        const y = doubled(x);
        accumulate(x, doubled(y), x);
        fill(x, 1);
      });
      await x.data();
      const { live, buffers } = device.stats();
      sizes.add(live + buffers);
    }
    expect(sizes.size).toBe(1);
  });

  test("makes nothing in a dry run", async () => {
    let ran = false;
    device.dryRun(() => {
      const [y] = hostTask(device, {
        outputs: [{ shape: [2] }],
        work: () => {
          ran = true;
          return [[1, 2]];
        },
      }).wait();
      expect(y?.shape).toEqual([2]);
    });
    await device.sync();
    expect(ran).toBe(false);
  });
});

describe("a host task that fails", () => {
  const failures: readonly (readonly [string, HostTaskOptions["work"], string, RegExp])[] = [
    ["throws", () => Promise.reject(new Error("no route")), "DEVICE", /no route/],
    [
      "throws at once",
      () => {
        throw new RangeError("at once");
      },
      "DEVICE",
      /at once/,
    ],
    ["returns nothing", () => undefined, "SHAPE", /returned undefined.*\[2\]/s],
    ["returns too little", () => [[1]], "SHAPE", /1 values, which do not fill \[2\]/],
    ["returns what are no numbers", () => ["ab" as never], "DTYPE", /list/],
  ];
  test.each(failures)(
    "%s: what waits rejects with it, what depends on it does for ever, all else goes on",
    async (_, work, code, message) => {
      using other = device.tensor([1, 2]);
      const gate = latch();
      const task = hostTask(device, {
        outputs: [{ shape: [2] }],
        work: async (inputs, context) => {
          await gate.opened;
          return work(inputs, context);
        },
      });
      const [y] = task.wait() as [Tensor];
      using sum = accumulate(y, other);
      const pending = [sum.data(), other.data(), device.sync()].map(codeOf);
      gate.open();
      expect(await Promise.all(pending)).toEqual([code, code, code]);
      await expect(task.finished).rejects.toThrow(message);
      expect([await codeOf(y.data()), await codeOf(sum.data())]).toEqual([code, code]);
      using more = accumulate(sum, other); // made from what failed
      expect(await codeOf(more.data())).toBe(code);
      expect([...(await other.data())]).toEqual([1, 2]);
      device.write(y, [5, 6]);
      accumulate(y, other, sum);
      expect([...(await sum.data())]).toEqual([6, 8]);
      expect(await codeOf(device.sync())).toBeUndefined(); // told already
      y.dispose();
    },
  );

  test("and that nobody waits for, is told by sync, once", async () => {
    const task = hostTask(device, { name: "lonely", work: () => Promise.reject(new Error("unheard")) });
    await codeOf(task.finished);
    await expect(device.sync()).rejects.toThrow(/lonely.*unheard/);
    await device.sync();
  });

  test("is stopped by a signal, which its function sees", async () => {
    const controller = new AbortController();
    const begun = latch();
    let stopped = false;
    const task = hostTask(device, {
      outputs: [{ shape: [1] }],
      signal: controller.signal,
      work: (_, { signal }) =>
        new Promise(() => {
          begun.open();
          signal.addEventListener("abort", () => {
            stopped = true;
          });
        }),
    });
    const [y] = task.wait() as [Tensor];
    const read = codeOf(y.data());
    await begun.opened;
    controller.abort(new Error("enough"));
    expect([await read, await codeOf(task.finished), stopped]).toEqual(["ABORTED", "ABORTED", true]);
    y.dispose();
    await codeOf(device.sync());
    const early = hostTask(device, { signal: AbortSignal.abort(), work: () => [] });
    expect(await codeOf(early.finished)).toBe("ABORTED");
    await codeOf(device.sync());
  });

  test("is late, where it never returns", async () => {
    const task = hostTask(device, {
      name: "silent",
      outputs: [{ shape: [1] }],
      timeoutMs: 5,
      work: () => new Promise(() => {}),
    });
    const [y] = task.wait() as [Tensor];
    await expect(y.data()).rejects.toThrow(/silent: the host task has not delivered after 5 ms/);
    y.dispose();
    await codeOf(device.sync());
  });

  test("reads behind its own wait are refused rather than waited for; before, it works", async () => {
    const gate = latch();
    using x = device.tensor([4]);
    const task = hostTask(device, {
      outputs: [{ shape: [1] }],
      timeoutMs: 300, // browsers
      work: async () => {
        const value = await x.data();
        await gate.opened;
        await x.data();
        return [value];
      },
    });
    const [y] = task.wait() as [Tensor];
    gate.open();
    await expect(y.data()).rejects.toThrow(/waits for what is queued behind its own wait\(\)|waits for its own device/);
    y.dispose();
    await codeOf(device.sync());
  });

  test("ends with its device: pending reads reject, and its signal aborts", async () => {
    const own = await openTestDevice(inject("backend") === "wasm" ? { threads: 1 } : {});
    const begun = latch();
    let reason: unknown;
    const task = hostTask(own, {
      outputs: [{ shape: [1] }],
      work: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          begun.open();
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            reject(new Error("ended"));
          });
        }),
    });
    const [y] = task.wait() as [Tensor];
    const pending = [y.data(), own.sync(), task.finished].map(codeOf);
    await begun.opened;
    own.dispose();
    expect(await Promise.all(pending)).toEqual(["DISPOSED", "DISPOSED", "DISPOSED"]);
    expect(DilatedError.is(reason) && reason.code).toBe("DISPOSED");
  });
});

test("wrong calls are refused before anything is queued", () => {
  using x = device.tensor([1]);
  const work = (): [] => [];
  expect(() => hostTask(device, {} as never)).toThrow(/hostTask.*work/s);
  expect(() => hostTask(device, { work, output: [] } as never)).toThrow(/unknown.*output/s);
  expect(() => hostTask(device, { work, outputs: [{ shape: [-1] }] })).toThrow(/hostTask/);
  expect(() => hostTask(device, { work, timeoutMs: Number.NaN })).toThrow(/timeoutMs/);
  const task = hostTask(device, { work });
  task.wait();
  expect(() => task.wait()).toThrow(/called before/);
  x.dispose();
  expect(() => hostTask(device, { work, inputs: [x] })).toThrow(/disposed/);
});

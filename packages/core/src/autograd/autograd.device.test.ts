import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Device } from "../device/device.ts";
import { ConfigError, ShapeError } from "../errors/index.ts";
import { accumulate } from "../ops/accumulate.ts";
import { cast } from "../ops/cast.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkpoint } from "./checkpoint.ts";
import { reshape, stopGradient } from "./structure.ts";
import { calls, first, multiply } from "./test-utils/ops.ts";
import { valueAndGrad } from "./value-and-grad.ts";

describe("autograd", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openTestDevice();
  });
  afterAll(() => device.dispose());
  beforeEach(() => {
    calls.count = 0;
  });

  const read = async (tensor: Tensor) => [...(await tensor.data())];
  const scalar = (x: number) => device.tensor([x]);

  it("adds up the ways a tensor is used: x·x·x", async () => {
    const x = scalar(3);
    const { value, grads } = valueAndGrad({ x }, () => multiply(multiply(x, x), x));
    expect(await value.item()).toBe(27);
    expect(await grads.x.item()).toBe(27);
  });

  it("goes through accumulate, also of a tensor with itself", async () => {
    const x = scalar(5);
    const y = scalar(7);
    const { grads } = valueAndGrad([x, y], () => accumulate(accumulate(x, x), multiply(x, y)));
    expect(await grads[0]?.item()).toBe(9);
    expect(await grads[1]?.item()).toBe(5);
  });

  it("goes through reshape", async () => {
    const x = device.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
    const { grads } = valueAndGrad({ x }, () => first(reshape(multiply(reshape(x, [3, -1]), reshape(x, [3, 2])), [6])));
    expect(grads.x.shape).toEqual([2, 3]);
    expect(await read(grads.x)).toEqual([2, 0, 0, 0, 0, 0]);
  });

  it("goes through cast, and keeps the parameter's dtype", async () => {
    const x = device.tensor([1.5, 2], [2], { dtype: "f16" });
    const { value, grads } = valueAndGrad({ x }, () => {
      const wide = cast(x, "f32");
      return first(multiply(wide, wide));
    });
    expect(await value.item()).toBe(2.25);
    expect(grads.x.dtype).toBe("f16");
    expect(await read(grads.x)).toEqual([3, 0]);
  });

  it("stops at stopGradient", async () => {
    const x = scalar(4);
    const { grads } = valueAndGrad({ x }, () => multiply(x, stopGradient(x)));
    expect(await grads.x.item()).toBe(4);
  });

  it("gives zeros to a parameter that is not used, in trees of any shape", async () => {
    const params = {
      layers: [{ w: scalar(2), none: device.tensor([1, 2], [2], { dtype: "f16" }) }],
      scale: scalar(3),
      left: undefined,
    };
    const { grads } = valueAndGrad(params, () => multiply(params.layers[0]?.w as Tensor, params.scale));
    expect(await grads.layers[0]?.w.item()).toBe(3);
    expect(await read(grads.layers[0]?.none as Tensor)).toEqual([0, 0]);
    expect(grads.layers[0]?.none.dtype).toBe("f16");
    expect(grads.left).toBeUndefined();
    expect(() => valueAndGrad({ ...params, note: "text" }, () => params.scale)).toThrow(/params\.note: text/);
  });

  it("starts from the seed", async () => {
    const x = scalar(3);
    const { value, grads } = valueAndGrad({ x }, () => multiply(x, x), { seed: 1024 });
    expect([await value.item(), await grads.x.item()]).toEqual([9, 6144]);
  });

  it("differentiates a value that is the parameter itself", async () => {
    const x = scalar(3);
    expect(await valueAndGrad({ x }, () => x).grads.x.item()).toBe(1);
  });

  describe("checkpoint", () => {
    it("gives the same gradients, of inputs and of what the function closes over", async () => {
      const x = scalar(2);
      const w = scalar(5);
      const block = (h: Tensor) => multiply(multiply(h, w), h);
      const plain = valueAndGrad({ x, w }, () => block(block(x)));
      const kept = valueAndGrad({ x, w }, () => checkpoint(block, checkpoint(block, x)));
      for (const name of ["x", "w"] as const)
        expect(await read(kept.grads[name])).toEqual(await read(plain.grads[name]));
      expect(await kept.value.item()).toBe(await plain.value.item());
    });

    it("computes again, once", async () => {
      const x = scalar(2);
      valueAndGrad({ x }, () => checkpoint((h: Tensor) => multiply(h, h), x));
      expect(calls.count).toBe(1 + 1 + 2);
    });

    it("nests, and lets an input through", async () => {
      const x = scalar(2);
      const inner = (h: Tensor) => multiply(h, h);
      const outer = (h: Tensor) => multiply(checkpoint(inner, h), h);
      expect(await valueAndGrad({ x }, () => checkpoint(outer, x)).grads.x.item()).toBe(12);
      expect(
        await valueAndGrad({ x }, () =>
          multiply(
            checkpoint((h: Tensor) => h, x),
            x,
          ),
        ).grads.x.item(),
      ).toBe(4);
    });

    it("keeps less while forward runs", () => {
      const x = device.zeros([1000]);
      const chain = (h: Tensor) => multiply(multiply(multiply(h, h), h), h);
      const peakOf = (work: () => Tensor) => {
        device.resetPeak();
        const before = device.stats().live;
        device.scope(() => {
          const { value } = valueAndGrad({ x }, work);
          void value;
        });
        return device.stats().peak - before;
      };
      const plain = peakOf(() => first(chain(chain(chain(x)))));
      const kept = peakOf(() => first(checkpoint(chain, checkpoint(chain, checkpoint(chain, x)))));
      expect(kept).toBeLessThan(plain);
    });
  });

  describe("valueAndGrad inside valueAndGrad", () => {
    it("is independent when it does not use the outer parameters", async () => {
      const x = scalar(3);
      const y = scalar(5);
      const { grads } = valueAndGrad({ x }, () => {
        const inside = valueAndGrad({ y }, () => multiply(y, y));
        return multiply(x, inside.grads.y);
      });
      expect(await grads.x.item()).toBe(10);
    });

    it("throws where a gradient would have to flow through it", () => {
      const x = scalar(3);
      const second = () => valueAndGrad({ x }, () => multiply(x, valueAndGrad({ x }, () => multiply(x, x)).value));
      expect(second).toThrow(ConfigError);
      expect(second).toThrow(/stopGradient/);
      expect(() =>
        valueAndGrad({ x }, () => multiply(x, stopGradient(valueAndGrad({ x }, () => multiply(x, x)).value))),
      ).not.toThrow();
    });
  });

  describe("memory", () => {
    const baseline = async (work: () => void) => {
      await device.sync();
      const { live, buffers } = device.stats();
      work();
      expect(device.stats()).toMatchObject({ live, buffers });
    };

    it("frees all but the results", () =>
      baseline(() => {
        const x = device.zeros([1000]);
        const { value, grads } = valueAndGrad({ x }, () =>
          first(checkpoint((h: Tensor) => multiply(h, accumulate(h, h)), multiply(x, x))),
        );
        for (const tensor of [value, grads.x, x]) tensor.dispose();
      }));

    it("frees everything when the function throws, or its value is no scalar", () =>
      baseline(() => {
        const x = device.zeros([1000]);
        const broken = () => {
          multiply(x, x);
          throw new TypeError("mine");
        };
        expect(() => valueAndGrad({ x }, broken)).toThrow("mine");
        expect(() => valueAndGrad({ x }, () => multiply(x, x))).toThrow(ShapeError);
        expect(device.tape).toBeUndefined();
        x.dispose();
      }));
  });

  it("refuses what has no gradient to give", () => {
    const x = scalar(1);
    expect(() => valueAndGrad({ x }, () => accumulate(x, x, x))).toThrow(/in place has no gradient/);
    expect(() => valueAndGrad({ x: 3 }, () => x)).toThrow(ConfigError);
  });
});

import { cast, openDevice, type Tensor, valueAndGrad } from "@dilated/core";
import { failingCalls } from "@dilated-internal/testing/failing-calls";
import { expect, it } from "vitest";
import { mean } from "../../reduce/reduce.ts";
import { attendPart, attendPartBackward } from "./attend-part.ts";
import { dilated } from "./dilated.ts";
import { dilatedAttention } from "./dilated-attention.ts";

const branches = [{ segment: 8, dilation: 1 }];
const schedule = dilated({ N: 4, M: 8, H: 2 }, { branches });

it("refuses what does not fit together, before anything is queued", async () => {
  using device = await openDevice({ backend: "wasm", threads: 1 });
  const made = (shape: number[], dtype: "f32" | "f16" = "f32"): Tensor => device.full(shape, 0.5, { dtype });
  const [q, k, lse] = [made([1, 4, 2, 8]), made([1, 8, 2, 8]), made([1, 2, 4])];
  const half = { q: cast(q, "f16"), k: cast(k, "f16") };
  const into = { out: made([1, 4, 2, 8]), lse };
  const pull = { ...into, dout: q };
  const before = device.stats().live;
  const refused: [message: string, call: () => unknown][] = [
    ["made for other tensors\n  schedule: N = 4, M = 8", () => attendPart(q, q, q, { schedule })],
    [
      "must be a multiple of the number of key/value heads G = 3",
      () => dilated({ N: 4, H: 2, G: 3 } as never, { branches }),
    ],
    ["heads: unknown", () => dilated({ N: 4, H: 2 }, { branches, heads: "partitioned" } as never)],
    ["all f32 or all f16", () => attendPart(half.q, k, k, { schedule })],
    ["out must have shape [1, 4, 2, 8]", () => attendPart(q, k, k, { schedule, into: { out: k, lse } })],
    ["lse must have shape [1, 2, 4]", () => attendPart(q, k, k, { schedule, into: { out: q, lse: q } })],
    ['dtype is "f16"', () => attendPart(half.q, half.k, half.k, { schedule, into, dtype: "f16" })],
    ["dtype must be f32", () => attendPart(q, k, k, { schedule, dtype: "f16" })],
    ["keyMask must hold B·M = 8", () => attendPart(q, k, k, { schedule, keyMask: [1] })],
    ["dout must be f16", () => attendPartBackward(half.q, half.k, half.k, pull, { schedule })],
    ["given together", () => attendPartBackward(q, k, k, pull, { schedule, into: { dk: k } })],
    ["into.dv must have shape", () => attendPartBackward(q, k, k, pull, { schedule, into: { dk: k, dv: q } })],
    [
      "no gradient flows through it, and one would have to flow through q",
      () => valueAndGrad({ q }, () => mean(attendPart(q, k, k, { schedule }).out)),
    ],
  ];
  for (const [message, call] of refused) expect(call, message).toThrow(message);
  expect(device.stats().live).toBe(before);
});

it("gives the mask back that it made from a list, where attention of it fails", async () => {
  using device = await openDevice({ backend: "wasm", threads: 1 });
  const [q, k] = [device.full([1, 4, 2, 8], 0.5), device.full([1, 8, 2, 8], 0.5)];
  const keyMask = [1, 1, 0, 1, 1, 1, 1, 1];
  const part = attendPart(q, k, k, { schedule, keyMask });
  const calls = failingCalls(device);
  const works = [
    () => dilatedAttention(q, k, k, { branches, keyMask }),
    () => attendPart(q, k, k, { schedule, keyMask }),
    () => attendPartBackward(q, k, k, { ...part, dout: q }, { schedule, keyMask }),
  ];
  const run = (work: () => object): void => {
    for (const tensor of Object.values(work())) tensor.dispose();
  };
  for (const work of works) {
    calls.failAt(undefined);
    run(work); // which makes what is kept
    const before = device.stats().live;
    let failed = 0;
    for (let n = 0; n < 50; n++) {
      calls.failAt(n);
      try {
        run(work);
        break;
      } catch {
        failed += 1;
        expect(device.stats().live).toBe(before);
      }
    }
    expect(failed).toBeGreaterThan(1);
  }
});

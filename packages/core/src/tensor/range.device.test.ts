import { openTestDevice } from "@dilated-internal/testing";
import { expect, test } from "vitest";

test.each(["f32", "f16", "i32", "u32"] as const)("any part of a tensor of %s is read alone", async (dtype) => {
  using device = await openTestDevice();
  const values = Array.from({ length: 37 }, (_, i) => i);
  using x = device.tensor(values, [37], { dtype });
  for (const [begin, end] of [
    [0, 37],
    [1, 4],
    [3, 4],
    [5, 36],
    [36, 37],
    [8, 8],
    [37, 37],
  ] as const) {
    const part = await x.data({ begin, end });
    expect([part.constructor, ...part]).toEqual([(await x.data()).constructor, ...values.slice(begin, end)]);
    expect(await x.bytes({ begin, end })).toEqual(
      (await x.bytes()).slice(begin * (dtype === "f16" ? 2 : 4), end * (dtype === "f16" ? 2 : 4)),
    );
  }
  expect([...(await x.data({ begin: 30 }))]).toEqual(values.slice(30));
  expect([...(await x.data({ end: 2 }))]).toEqual([0, 1]);
});

test("a range outside the tensor is refused, and so is what is no range", async () => {
  using device = await openTestDevice();
  using x = device.zeros([2, 3]);
  await expect(x.data({ begin: 2, end: 7 })).rejects.toThrow(/data: \[2, 7\) is not a part of the tensor's 6 elements/);
  await expect(x.bytes({ begin: 4, end: 3 })).rejects.toThrow(/bytes: \[4, 3\)/);
  await expect(x.data({ begin: -1 })).rejects.toThrow(/data.*begin: -1; allowed: an integer from 0/s);
  await expect(x.data({ start: 1 } as never)).rejects.toThrow(/data: unknown option start.*known: begin, end/s);
});

import { openTestDevice } from "@dilated-internal/testing";
import { failingCalls } from "@dilated-internal/testing/failing-calls";
import { expect, test } from "vitest";
import { cached, uploadTable } from "./device-cache.ts";

test("what is made in steps is there as a whole or not at all, whichever step fails", async () => {
  using device = await openTestDevice({ threads: 1 });
  const calls = failingCalls(device);
  const inner = () => cached(device, "inner", () => ({ tables: [uploadTable(device, [1], "inner")] }));
  inner();
  const { live } = device.stats();
  const make = () =>
    cached(device, "outer", () => {
      inner(); // made before, and not given back
      return { tables: [1, 2, 3].map((word) => uploadTable(device, [word], "outer")) };
    });
  for (const n of [0, 1, 2]) {
    calls.failAt(n);
    expect(make).toThrow("injected");
    expect(device.stats().live, `call ${n}`).toBe(live);
  }
  calls.failAt(undefined);
  const { tables } = make();
  expect(tables.map(({ disposed }) => disposed)).toEqual([false, false, false]);
  expect(inner().tables[0]?.disposed).toBe(false);
});

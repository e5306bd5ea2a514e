import { openTestDevice } from "@dilated-internal/testing";
import { afterEach, expect, it, vi } from "vitest";
import { createModel } from "../factory.ts";
import { readModel, writeModel } from "./model.ts";
import { memoryStore } from "./store.ts";

afterEach(() => vi.restoreAllMocks());

it("reading a model lets the event loop in between its tensors", async () => {
  using device = await openTestDevice();
  const store = memoryStore();
  using model = createModel(device, {
    kind: "longnet-encoder",
    dim: 16,
    layers: 1,
    heads: 2,
    branches: [{ segment: 8, dilation: 1 }],
  });
  await writeModel(store, model);
  // Every look at the clock finds it 20 ms later, so that whatever may pause does.
  let now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => {
    now += 20;
    return now;
  });
  let turns = 0;
  const count = (): void => {
    turns += 1;
    handle = setImmediate(count);
  };
  let handle = setImmediate(count);
  const write = vi.spyOn(device, "write");
  const at: number[] = [];
  write.mockImplementation(() => void at.push(turns));
  (await readModel(device, store)).model.dispose();
  clearImmediate(handle);
  expect(at.length).toBeGreaterThan(8);
  expect(at.at(-1)).toBeGreaterThan(at[0] as number);
});

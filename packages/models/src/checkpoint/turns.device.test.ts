import { openTestDevice } from "@dilated-internal/testing";
import { hurryClock, turnsDuring } from "@dilated-internal/testing/turns";
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
  hurryClock();
  const at: number[] = [];
  await turnsDuring(async (turns) => {
    vi.spyOn(device, "write").mockImplementation(() => void at.push(turns()));
    (await readModel(device, store)).model.dispose();
  });
  expect(at.length).toBeGreaterThan(8);
  expect(at.at(-1)).toBeGreaterThan(at[0] as number);
});

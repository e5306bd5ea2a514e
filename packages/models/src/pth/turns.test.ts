import { readFileSync } from "node:fs";
import { afterEach, expect, it, vi } from "vitest";
import { openWeights } from "../checkpoint/read-weights.ts";
import { memoryStore } from "../checkpoint/store.ts";
import { readPth } from "./read.ts";

afterEach(() => vi.restoreAllMocks());

it("weights of PyTorch let the event loop in between their tensors", async () => {
  const bytes = new Uint8Array(readFileSync(new URL("../../test/fixtures/pth/dtypes.pth", import.meta.url)));
  const want = readPth(bytes).tensors;
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
  const weights = await openWeights(memoryStore([["pytorch_model.bin", bytes]]));
  clearImmediate(handle);
  expect(turns).toBeGreaterThanOrEqual(want.size);
  for await (const { tensors } of weights.shards()) expect(tensors).toEqual(want);
});

import { readFileSync } from "node:fs";
import { hurryClock, turnsDuring } from "@dilated-internal/testing/turns";
import { afterEach, expect, it, vi } from "vitest";
import { openWeights } from "../checkpoint/read-weights.ts";
import { memoryStore } from "../checkpoint/store.ts";
import { readPth } from "./read.ts";
import { dict, pickle, pth, tensor } from "./test-utils/write-pth.ts";

afterEach(() => vi.restoreAllMocks());

it("weights of PyTorch let the event loop in between their tensors", async () => {
  const bytes = new Uint8Array(readFileSync(new URL("../../test/fixtures/pth/dtypes.pth", import.meta.url)));
  const want = readPth(bytes).tensors;
  hurryClock();
  const opened: Awaited<ReturnType<typeof openWeights>>[] = [];
  const turns = await turnsDuring(async () => {
    opened.push(await openWeights(memoryStore([["pytorch_model.bin", bytes]])));
  });
  expect(turns).toBeGreaterThanOrEqual(want.size);
  for await (const { tensors } of (opened[0] as (typeof opened)[number]).shards()) expect(tensors).toEqual(want);
});

it("and within one that is converted", async () => {
  const count = 2 ** 19 + 1;
  const x = tensor({ storage: "BFloat16Storage", key: "0", numel: count, shape: [count], stride: [1] });
  const bytes = pth(pickle(dict({ x })), { 0: new Uint8Array(2 * count) });
  hurryClock();
  const turns = await turnsDuring(async () => {
    await openWeights(memoryStore([["pytorch_model.bin", bytes]]));
  });
  expect(turns).toBeGreaterThanOrEqual(3);
});

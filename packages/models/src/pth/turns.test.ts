import { readFileSync } from "node:fs";
import { hurryClock, turnsDuring } from "@dilated-internal/testing/turns";
import { afterEach, expect, it, vi } from "vitest";
import { openWeights } from "../checkpoint/read-weights.ts";
import { memoryStore } from "../checkpoint/store.ts";
import { readPth } from "./read.ts";

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

import type { Device } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { hurryClock, turnsDuring } from "@dilated-internal/testing/turns";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { createModel } from "../factory.ts";
import { toTorchscale } from "../torchscale/export.ts";
import { fromTorchscale, loadTorchscale } from "../torchscale/import.ts";
import { adamW } from "../train/optimizer.ts";
import { disposeTraining, initTraining } from "../train/state.ts";
import { decodeTraining, encodeTraining } from "./checkpoint.ts";
import { readModel, writeModel } from "./model.ts";
import { memoryStore } from "./store.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());
afterEach(() => vi.restoreAllMocks());

const config = { dim: 16, layers: 1, heads: 2, branches: [{ segment: 8, dilation: 1 }] };
const make = () => createModel(device, { kind: "longnet-encoder", ...config });

/** Expects that `work` lets the event loop in between the tensors that it writes. */
async function expectTurns(work: () => Promise<unknown>): Promise<void> {
  hurryClock();
  const at: number[] = [];
  const write = device.write.bind(device);
  await turnsDuring(async (turns) => {
    vi.spyOn(device, "write").mockImplementation((...given) => {
      at.push(turns());
      write(...given);
    });
    await work();
  });
  expect(at.length).toBeGreaterThan(8);
  expect(at.at(-1)).toBeGreaterThanOrEqual((at[0] as number) + at.length / 2);
}

it("reading a model", async () => {
  const store = memoryStore();
  using model = make();
  await writeModel(store, model);
  await expectTurns(async () => (await readModel(device, store)).model.dispose());
});

it("a state dict of PyTorch's names", async () => {
  using model = make();
  const state = await toTorchscale(model);
  await expectTurns(async () => {
    using again = await loadTorchscale(device, state, { kind: "longnet-encoder", config });
    expect(await toTorchscale(again)).toEqual(state);
  });
  const of = { kind: "longnet-encoder", config: { ...config, dim: 32 } } as const;
  expect(() => fromTorchscale(device, state, of)).toThrow(/^fromTorchscale: the state dict/);
  await expect(loadTorchscale(device, state, of)).rejects.toThrow(/^loadTorchscale: the state dict/);
});

it("going on with a run", async () => {
  using model = make();
  const optimizer = adamW({ lr: 1 });
  const run = { model: { ...model, loss: () => model.parameters }, optimizer } as never as Parameters<
    typeof decodeTraining
  >[1];
  const state = initTraining(run.model, optimizer);
  const bytes = await encodeTraining({ ...run, state });
  disposeTraining(state);
  await expectTurns(async () => disposeTraining((await decodeTraining(bytes, run)).state));
  await expect(decodeTraining(bytes, { ...run, run: 1 })).rejects.toThrow(/^decodeTraining: the checkpoint is of an/);
});

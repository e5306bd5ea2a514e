import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Device, openDevice } from "@dilated/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { encodeTraining, restoreTraining } from "../checkpoint/checkpoint.ts";
import { createModel } from "../factory.ts";
import { byteBatches } from "../text/token-batches.ts";
import { adamW } from "../train/optimizer.ts";
import { train } from "../train/train.ts";
import { readCheckpoint, writeCheckpoint } from "./file-store.ts";
import { openMetrics, readMetrics } from "./metrics.ts";
import { bury } from "./test-utils/bury.ts";
import { fate } from "./test-utils/fragile-fs.ts";
import { temporaryFolder } from "./test-utils/temporary.ts";

vi.mock("node:fs/promises", async (original) => (await import("./test-utils/fragile-fs.ts")).fragile(await original()));

const STEPS = 4;
const config = { dim: 8, layers: 1, heads: 2, hidden: 16, branches: [{ segment: 8, dilation: 1 }] };
const batches = byteBatches(new TextEncoder().encode("call me ishmael. ".repeat(20)), { seq: 16 });

let device: Device;
let folder: string;
beforeAll(async () => {
  device = await openDevice({ backend: "wasm", threads: 1 });
});
afterAll(() => device.dispose());
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  fate.reset();
  await rm(folder, { recursive: true, force: true });
});

/** A run as the manual has it: goes on where the folder says, logs each step and saves behind it. */
async function run(): Promise<void> {
  using model = createModel(device, { kind: "longnet-lm", vocab: 256, seed: 1, ...config });
  const optimizer = adamW({ lr: 1e-2 });
  const saved = await readCheckpoint(folder);
  const state = saved ? restoreTraining(saved, { model, optimizer }).state : undefined;
  const log = await openMetrics(join(folder, "steps.jsonl"), { after: state?.step ?? 0 });
  try {
    for await (const step of train(model, batches, { optimizer, steps: STEPS, ...(state && { state }) })) {
      await log.append(step);
      await writeCheckpoint(folder, await encodeTraining({ model, optimizer, state: step.state }));
    }
  } finally {
    await log.close();
  }
}

const losses = async (): Promise<unknown[]> =>
  (await readMetrics(join(folder, "steps.jsonl"))).map(({ step, loss }) => [step, loss]);

it("a run that is killed, or whose disk is full, anywhere in it goes on to the same end", async () => {
  const much = 1e9;
  fate.reset(much);
  await run();
  const cost = much - fate.left;
  fate.reset();
  const expected = await losses();
  const { live } = device.stats();
  expect(expected).toHaveLength(STEPS);
  for (const end of ["killed", "ENOSPC"] as const) {
    for (let kill = 0; kill < 10; kill++) {
      await rm(folder, { recursive: true });
      fate.reset(Math.floor((cost * (kill + 0.3)) / 10), end);
      await expect(run()).rejects.toThrow(end);
      fate.reset();
      await bury(folder);
      await run();
      expect(await losses()).toEqual(expected);
      expect((await readdir(folder)).sort()).toEqual(["checkpoint.safetensors", "steps.jsonl"]);
    }
  }
  expect(device.stats().live).toBe(live);
});

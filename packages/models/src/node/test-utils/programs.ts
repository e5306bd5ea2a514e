import { openDevice } from "@dilated/core";
import { weightsOf } from "../../checkpoint/test-utils/weights.ts";
import { writeWeights } from "../../checkpoint/write-weights.ts";
import { createModel } from "../../factory.ts";
import { byteBatches } from "../../text/token-batches.ts";
import { adamW } from "../../train/optimizer.ts";
import { train } from "../../train/train.ts";
import { writeCheckpoint } from "../file-store.ts";
import { openFolder } from "../folder.ts";

/**
 * Trains, and then opens one device after another; prints bytes live on the device, and the process's own, early and
 * late. Nothing is disposed at the end.
 */
export async function soak(_folder: string, steps: number, openings: number): Promise<void> {
  const resident = (): number => {
    globalThis.gc?.();
    return process.memoryUsage.rss();
  };
  const config = { dim: 8, layers: 1, heads: 2, hidden: 16, branches: [{ segment: 8, dilation: 1 }] };
  const device = await openDevice({ backend: "wasm", threads: 1 });
  const model = createModel(device, { kind: "longnet-lm", vocab: 256, ...config });
  const batches = byteBatches(new TextEncoder().encode("call me ishmael. ".repeat(20)), { seq: 32 });
  const seen: number[][] = [];
  for await (const { step } of train(model, batches, { optimizer: adamW({ lr: 1e-3 }), steps, ema: 0.9 }))
    if (step === steps / 4 || step === steps) seen.push([device.stats().live, resident()]);
  for (let i = 1; i <= openings; i++) {
    const other = await openDevice({ backend: "wasm", threads: 1 + (i % 2) });
    using tensor = other.full([2 ** 20], i);
    if ((await tensor.data())[i] !== i) throw new Error("wrong");
    other.dispose();
    if (i === openings / 5 || i === openings) seen.push([0, resident()]);
  }
  process.stdout.write(JSON.stringify(seen));
}

/**
 * Saves so many times, values `first`, `first + 2`, …, as shards and as one file by turns, and prints each: a process
 * to save beside.
 */
export async function saveTimes(folder: string, first: number, times: number): Promise<void> {
  const store = openFolder(folder);
  for (let i = 0; i < times; i++) {
    await writeWeights(store, weightsOf(first + 2 * i), { maxShardBytes: i % 3 === 0 ? 1e9 : 32 });
    process.stdout.write(`${first + 2 * i}\n`);
  }
}

/** Saves value after value, as shards and as one file by turns, and prints each when it is saved: a process to kill. */
export async function saveForever(folder: string, first: number): Promise<never> {
  const store = openFolder(folder);
  const wide = (value: number): Parameters<typeof writeWeights>[1] =>
    weightsOf(value).map(([name]) => [
      name,
      { dtype: "f32", shape: [1 << 16], data: () => new Float32Array(1 << 16).fill(value) },
    ]);
  for (let value = first; ; value++) {
    await writeWeights(store, wide(value), { maxShardBytes: value % 3 === 0 ? 1e9 : 2 ** 19 });
    await writeCheckpoint(folder, new Uint8Array(1 << 20).fill(value));
    process.stdout.write(`${value}\n`);
  }
}

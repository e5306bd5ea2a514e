import { weightsOf } from "../../checkpoint/test-utils/weights.ts";
import { writeWeights } from "../../checkpoint/write-weights.ts";
import { writeCheckpoint } from "../file-store.ts";
import { openFolder } from "../folder.ts";

/** Saves so many times, values `first`, `first + 2`, …, as shards and as one file by turns, and prints each: a process to save beside. */
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

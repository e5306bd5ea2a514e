import { readSafetensors, type SafeTensor } from "@dilated/core";
import type { StateTensor } from "../torchscale/state.ts";

/** One case of a golden file: its configuration, its weights by their original names, and its other tensors. */
export interface GoldenModel {
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: ReadonlyMap<string, StateTensor>;
  tensor(name: string): SafeTensor;
  has(name: string): boolean;
}

/** Reads the cases of a fixture, in Node from disk and in a browser from the test server. */
export async function readModels(url: URL): Promise<ReadonlyMap<string, GoldenModel>> {
  const { metadata, tensors } = readSafetensors(await loadFile(url));
  return new Map(
    Object.entries(metadata).map(([name, json]) => {
      const prefix = `${name}.weights.`;
      const weights = new Map(
        [...tensors].filter(([key]) => key.startsWith(prefix)).map(([key, array]) => [key.slice(prefix.length), array]),
      );
      const tensor = (key: string): SafeTensor => {
        const found = tensors.get(`${name}.${key}`);
        if (!found) throw new Error(`golden case ${name} has no tensor ${key}`);
        return found;
      };
      const has = (key: string): boolean => tensors.has(`${name}.${key}`);
      return [name, { config: JSON.parse(json) as Record<string, unknown>, weights, tensor, has }];
    }),
  );
}

/** A fixture: in Node from disk, in a browser from the test server. */
export async function loadFile(url: URL): Promise<Uint8Array> {
  if (url.protocol === "file:") {
    const { readFile } = await import("node:fs/promises");
    return new Uint8Array(await readFile(url));
  }
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
}

/** Largest absolute value. */
export function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i] as number));
  return most;
}

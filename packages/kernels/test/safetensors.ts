import { readFileSync } from "node:fs";

/** A golden file: the JSON configuration of each case, and its tensors (f32) by `<case>.<tensor>`. */
export interface Golden {
  readonly configs: ReadonlyMap<string, Record<string, unknown>>;
  tensor(name: string): Float32Array;
  has(name: string): boolean;
}

/** Reads a safetensors file of f32 tensors: u64 length of the header, JSON header, data. */
export function readGolden(path: string | URL): Golden {
  const file = readFileSync(path);
  const length = Number(file.readBigUInt64LE(0));
  const { __metadata__: metadata = {}, ...tensors } = JSON.parse(file.toString("utf8", 8, 8 + length)) as Header;
  return {
    configs: new Map(
      Object.entries(metadata).map(([name, json]) => [
        name,
        JSON.parse(json as unknown as string) as Record<string, unknown>,
      ]),
    ),
    has: (name) => name in tensors,
    tensor: (name) => {
      const entry = tensors[name];
      if (entry?.dtype !== "F32") throw new Error(`golden ${String(path)}: no f32 tensor ${name}`);
      const [begin, end] = entry.data_offsets;
      return new Float32Array(Uint8Array.from(file.subarray(8 + length + begin, 8 + length + end)).buffer);
    },
  };
}

type Entry = { dtype: string; data_offsets: [number, number] };
type Header = Record<string, Entry> & { __metadata__?: Record<string, Entry> };

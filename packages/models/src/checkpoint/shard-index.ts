import { FormatError, parseStrict } from "@dilated/core";
import { checkFileName, INDEX_NAMES } from "./file-names.ts";
import type { ModelSource } from "./store.ts";

/** Which shard each tensor is in: `*.index.json`, as Hugging Face's libraries write it. */
export interface ShardIndex {
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Names of its tensors by shard, shards in the order of their names. */
  readonly shards: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The index of a source; undefined where its weights are one file. */
export async function readIndex(source: ModelSource): Promise<ShardIndex | undefined> {
  for (const name of INDEX_NAMES) {
    const bytes = await source.read(name);
    if (bytes) return parseIndex(name, bytes);
  }
  return undefined;
}

/** Bytes of an index: names of a few hundred thousand tensors. More takes JSON.parse seconds and gigabytes. */
const LONGEST = 2 ** 25;

/** @throws FormatError for anything but an index whose shards lie in the same folder. */
export function parseIndex(file: string, bytes: Uint8Array): ShardIndex {
  checkLength(`readWeights: ${file}`, bytes);
  const value = parseStrict(textOf(file, bytes), `readWeights: ${file}`);
  if (!isObject(value) || !isObject(value.weight_map)) throw bad(file, "it has no weight_map");
  const { metadata = {}, weight_map: map } = value;
  if (!isObject(metadata)) throw bad(file, "its metadata is not an object");
  const shards = new Map<string, Set<string>>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== "string") throw bad(file, `tensor ${JSON.stringify(tensor.slice(0, 100))} is not in a file`);
    const names = shards.get(checkFileName(`readWeights: ${file}`, shard)) ?? new Set();
    shards.set(shard, names.add(tensor));
  }
  if (shards.size === 0) throw bad(file, "it names no tensors");
  return { metadata, shards: new Map([...shards].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** The bytes of an index. */
export function encodeIndex({ metadata, shards }: ShardIndex): Uint8Array {
  const map = [...shards].flatMap(([shard, names]) => [...names].map((name) => [name, shard] as const));
  const bytes = new TextEncoder().encode(
    `${JSON.stringify({ metadata, weight_map: Object.fromEntries(map.sort()) }, null, 2)}\n`,
  );
  checkLength(`writeWeights: ${INDEX_NAMES[0]}`, bytes);
  return bytes;
}

function checkLength(what: string, { length }: Uint8Array): void {
  if (length <= LONGEST) return;
  throw new FormatError(`${what} has ${length} bytes; at most ${LONGEST} are read`, {
    fix: "keep fewer tensors, or less metadata, in one checkpoint",
  });
}

function textOf(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(`readWeights: ${file} is not UTF-8`, { cause });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function bad(file: string, what: string): FormatError {
  return new FormatError(`readWeights: ${file} is not an index of shards: ${what}`, {
    fix: "write or download it again",
  });
}

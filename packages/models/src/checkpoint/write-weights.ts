import {
  AbortedError,
  type AbortSignalLike,
  BYTES,
  ConfigError,
  checkArgument,
  checkCall,
  checkShape,
  DilatedError,
  type DType,
  encodeSafetensors,
  type FieldsOf,
  FormatError,
  field,
  isPlain,
  sizeOf,
  Tensor,
  type TensorToWrite,
} from "@dilated/core";
import { STORE } from "../options/kinds.ts";
import { freeGeneration, INDEX_NAMES, isOfWeights, shardName, WEIGHT_NAMES } from "./file-names.ts";
import { encodeIndex } from "./shard-index.ts";
import { snapshotOf } from "./snapshot.ts";
import type { ModelStore } from "./store.ts";

/** A tensor whose values are read when it is written; our tensors are such. */
export interface TensorSource {
  readonly dtype: DType;
  readonly shape: readonly number[];
  data(): ArrayLike<number> | Promise<ArrayLike<number>>;
}

/** How weights are written. */
export interface WriteWeightsOptions {
  /** Bytes of tensors in one file; a larger tensor gets a file of its own. @defaultValue 2 ** 30 */
  readonly maxShardBytes?: number | undefined;
  /** Strings to keep with the weights. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Stops between two files, leaving the previous checkpoint. */
  readonly signal?: AbortSignalLike | undefined;
  /** Is told after each file. */
  readonly onProgress?:
    | ((progress: { readonly file: string; readonly files: number; readonly written: number }) => void)
    | undefined;
  /**
   * Copies the tensors on their device at the call, so that training may go on while they are written; until it is written, each takes its bytes once more. Without,
   * nothing may change them before this resolves. @defaultValue true
   */
  readonly snapshot?: boolean | undefined;
}

export const WRITE_WEIGHTS_OPTIONS: FieldsOf<WriteWeightsOptions> = {
  maxShardBytes: field.optional(field.custom("a number above 0", (value) => typeof value === "number" && value > 0)),
  metadata: field.optional(
    field.custom(
      "an object of strings",
      (value) => isPlain(value) && Object.values(value).every((text) => typeof text === "string"),
    ),
  ),
  signal: field.optional(field.abortSignal()),
  onProgress: field.optional(field.func()),
  snapshot: field.optional(field.boolean()),
};

/** Where each comes from and what it holds, is checked when all are there. */
const PAIRS = field.custom(
  "pairs of a name and a tensor, such as treeEntries(parameters)",
  (value) => typeof value === "object" && value !== null && Symbol.iterator in value,
);
const WRITE = { store: STORE, tensors: PAIRS, options: field.options<WriteWeightsOptions>(WRITE_WEIGHTS_OPTIONS) };

const SOURCES = field.custom("a tensor, or an object with dtype, shape and data()", (value) => {
  if (value instanceof Tensor) return !value.disposed;
  const { dtype, shape, data } = (value ?? {}) as Partial<TensorSource>;
  return Object.hasOwn(BYTES, String(dtype)) && Array.isArray(shape) && typeof data === "function";
});

const NAMES = field.list(field.string());

type Named = readonly [name: string, tensor: TensorSource];
const bytesOf = ([, { dtype, shape }]: Named): number => sizeOf(shape) * BYTES[dtype];

/**
 * Writes weights: one `model.safetensors`, or shards and `model.safetensors.index.json`, of which one at a time is in memory. What was there before is
 * replaced by a single step at the end and can be read until then, whenever the writing is interrupted; then its files are removed.
 *
 * @returns names of the files, the index last
 * @throws FormatError for repeated names; AbortedError by `signal`.
 */
export async function writeWeights(
  store: ModelStore,
  tensors: Iterable<Named>,
  options: WriteWeightsOptions = {},
): Promise<string[]> {
  checkCall("writeWeights", WRITE, arguments);
  return writeWith(store, tensors, options, []);
}

/** {@link writeWeights}, and, in the same turn, small files behind the weights. */
export async function writeWith(
  store: ModelStore,
  tensors: Iterable<Named>,
  options: WriteWeightsOptions,
  beside: readonly (readonly [name: string, bytes: Uint8Array])[],
): Promise<string[]> {
  const { maxShardBytes = 2 ** 30, metadata = {}, snapshot = true } = options;
  const given = pairsOf(tensors);
  if (given.length === 0) {
    throw new ConfigError("writeWeights: there are no tensors to write", {
      details: ["a checkpoint that is there would be replaced by nothing"],
      fix: "pass the tensors, or remove the files yourself",
    });
  }
  checkNames(given);
  const inTurn = store.exclusive ?? ((work) => work());
  const write = (entries: readonly Named[]): Promise<string[]> =>
    inTurn(async () => {
      const files = await writePlanned(store, planShards(entries, maxShardBytes), metadata, options);
      for (const [name, bytes] of beside) await store.write(name, bytes);
      return [...files, ...beside.map(([name]) => name)];
    }, options.signal);
  if (!snapshot) return write(given);
  const copies = snapshotOf(given); // before anything waits
  try {
    return await write(copies.entries);
  } finally {
    copies.dispose();
  }
}

/** @throws ConfigError for what is no pair of a name and a tensor. */
function pairsOf(tensors: Iterable<Named>): Named[] {
  try {
    return Array.from(tensors, (pair, i) => {
      checkArgument("writeWeights", `tensors[${i}]`, field.list(field.any("a name, and a tensor"), 2), pair);
      checkArgument("writeWeights", `the name of tensors[${i}]`, field.string(), pair[0]);
      checkArgument("writeWeights", `tensor ${JSON.stringify(pair[0].slice(0, 60))}`, SOURCES, pair[1]);
      checkShape("writeWeights", pair[1].shape);
      return [pair[0], pair[1]] as const;
    });
  } catch (cause) {
    if (DilatedError.is(cause)) throw cause;
    throw new ConfigError("writeWeights: tensors cannot be read", { cause, fix: "pass treeEntries(parameters)" });
  }
}

async function writePlanned(
  store: ModelStore,
  plan: readonly (readonly Named[])[],
  metadata: Readonly<Record<string, string>>,
  options: WriteWeightsOptions,
): Promise<string[]> {
  const before = await store.list();
  checkArgument("writeWeights", "what store.list gives", NAMES, before);
  const old = before.filter(isOfWeights);
  const [index, single] = [INDEX_NAMES[0], WEIGHT_NAMES[0]];
  // An index of another format that is there would win over a single file; ours wins over both.
  if (plan.length === 1 && !before.includes(INDEX_NAMES[1])) {
    await writeShard(store, single, plan[0] ?? [], metadata, { ...options, files: 1, written: 0 });
    await store.remove(index); // from here on the new file is the checkpoint
    await removeAll(store, old);
    return [single];
  }
  const generation = freeGeneration(before);
  const files = plan.map((_, i) => shardName(generation, i, plan.length));
  const names = plan.map((shard, i) => [files[i] as string, new Set(shard.map(([name]) => name))] as const);
  const total = plan.flat().reduce((sum, named) => sum + bytesOf(named), 0);
  const bytes = encodeIndex({ metadata: { total_size: total, ...metadata }, shards: new Map(names) });
  try {
    for (const [i, shard] of plan.entries())
      await writeShard(store, files[i] as string, shard, metadata, { ...options, files: plan.length, written: i });
    await store.write(index, bytes);
  } catch (error) {
    // The first error is the one to tell. Shards stay whose index is in place in spite of it.
    if (!(await holds(store, index, bytes).catch(() => true))) await removeAll(store, files).catch(() => undefined);
    throw error;
  }
  await removeAll(store, [single, ...old]);
  return [...files, index];
}

async function holds(store: ModelStore, file: string, bytes: Uint8Array): Promise<boolean> {
  const found = await store.read(file);
  return found?.length === bytes.length && found.every((byte, i) => byte === bytes[i]);
}

/** Tensors in their order, as many to a file as fit. */
function planShards(tensors: readonly Named[], most: number): Named[][] {
  const shards: Named[][] = [[]];
  let room = most;
  for (const named of tensors) {
    const bytes = bytesOf(named);
    const last = shards.at(-1) as Named[];
    if (bytes <= room || last.length === 0) last.push(named);
    else shards.push([named]);
    room = shards.at(-1) === last ? room - bytes : most - bytes;
  }
  return shards;
}

async function writeShard(
  store: ModelStore,
  file: string,
  shard: readonly Named[],
  metadata: Readonly<Record<string, string>>,
  { signal, onProgress, files, written }: WriteWeightsOptions & { readonly files: number; readonly written: number },
): Promise<void> {
  if (signal?.aborted)
    throw new AbortedError(`writeWeights: stopped after ${written} of ${files} files`, { cause: signal.reason });
  const ready: [string, TensorToWrite][] = [];
  for (const [name, tensor] of shard)
    ready.push([name, { dtype: tensor.dtype, shape: tensor.shape, data: await tensor.data() }]);
  await store.write(file, await encodeSafetensors(ready, metadata));
  onProgress?.({ file, files, written: written + 1 });
}

async function removeAll(store: ModelStore, names: readonly string[]): Promise<void> {
  for (const name of names) await store.remove(name);
}

function checkNames(tensors: readonly Named[]): void {
  const names = new Set<string>();
  for (const [name] of tensors) {
    if (names.has(name))
      throw new FormatError(`writeWeights: the name ${JSON.stringify(name)} is given twice`, {
        fix: "rename the tensor",
      });
    names.add(name);
  }
}

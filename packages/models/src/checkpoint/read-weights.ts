import {
  AbortedError,
  type AbortSignalLike,
  checkArgument,
  checkCall,
  DilatedError,
  decodeSafetensors,
  type FieldsOf,
  FormatError,
  field,
  type SafeTensor,
} from "@dilated/core";
import { SOURCE } from "../options/kinds.ts";
import { readPthInTurns } from "../pth/read.ts";
import { shortName } from "../torchscale/report.ts";
import { INDEX_NAMES, WEIGHT_NAMES } from "./file-names.ts";
import { readIndex, type ShardIndex } from "./shard-index.ts";
import type { ModelSource } from "./store.ts";

/** One file of weights. */
export interface WeightShard {
  readonly file: string;
  /** From 0, of `count`. */
  readonly index: number;
  readonly count: number;
  readonly tensors: ReadonlyMap<string, SafeTensor>;
}

/** Weights that are read file by file. */
export interface Weights {
  /** Of the index, or of the only file. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Number of tensors in all files. */
  readonly tensors: number;
  /** Bytes of all files, where the source can tell. */
  readonly bytes: number | undefined;
  /** Reads one file after another; drop each before the next, and only one is in memory at a time. */
  readonly shards: () => AsyncGenerator<WeightShard>;
  /** True once another save has replaced what was opened: shards that are still to be read are gone. */
  readonly replaced: () => Promise<boolean>;
}

/** How weights are read. */
export interface ReadWeightsOptions {
  /** Stops between two files. */
  readonly signal?: AbortSignalLike | undefined;
}

export const READ_WEIGHTS_OPTIONS: FieldsOf<ReadWeightsOptions> = { signal: field.optional(field.abortSignal()) };

const READ = { source: SOURCE, options: field.options<ReadWeightsOptions>(READ_WEIGHTS_OPTIONS) };

/**
 * Opens the weights of a folder: `model.safetensors`, or shards by `model.safetensors.index.json`, or PyTorch's `pytorch_model.bin` likewise.
 *
 * @throws FormatError where there are none, and, while shards are read, for a shard that is missing or damaged, or does not hold what the index says it does.
 */
export async function openWeights(source: ModelSource, options: ReadWeightsOptions = {}): Promise<Weights> {
  checkCall("openWeights", READ, arguments);
  const { signal } = options;
  // Twice: in between a save may have put shards in the place of the one file.
  for (let look = 0; look < 2; look++) {
    const index = await readIndex(source);
    if (index) return openShards(source, index, signal);
    for (const file of WEIGHT_NAMES) {
      const bytes = await bytesOf(source, file);
      if (bytes) return openFile(file, bytes);
    }
  }
  throw new FormatError("readWeights: there are no weights", {
    details: [`looked for: ${[...INDEX_NAMES, ...WEIGHT_NAMES].join(", ")}`],
    fix: "pass the folder that the weights are in",
  });
}

async function openFile(file: string, bytes: Uint8Array): Promise<Weights> {
  const { metadata, tensors } = await decode(file, bytes);
  return {
    metadata,
    tensors: tensors.size,
    bytes: bytes.length,
    shards: async function* () {
      yield { file, index: 0, count: 1, tensors };
    },
    replaced: async () => false, // it was read as a whole
  };
}

async function openShards(
  source: ModelSource,
  index: ShardIndex,
  signal: AbortSignalLike | undefined,
): Promise<Weights> {
  const files = [...index.shards.keys()];
  const sizes = source.size ? await Promise.all(files.map(source.size)) : [undefined];
  const bytes = sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const tensors = [...index.shards.values()].reduce((sum, names) => sum + names.size, 0);
  return {
    metadata: index.metadata,
    tensors,
    bytes,
    replaced: async () => {
      const now = await readIndex(source);
      return now?.shards.keys().next().value !== files[0] || now?.shards.size !== files.length;
    },
    shards: async function* () {
      for (const [i, file] of files.entries()) {
        if (signal?.aborted)
          throw new AbortedError(`readWeights: stopped after ${i} of ${files.length} shards`, { cause: signal.reason });
        yield {
          file,
          index: i,
          count: files.length,
          tensors: await readShard(source, file, index.shards.get(file) ?? new Set()),
        };
      }
    },
  };
}

/** A store may be the caller's own. */
async function bytesOf(source: ModelSource, file: string): Promise<Uint8Array | undefined> {
  const bytes = await source.read(file);
  checkArgument("readWeights", `what the store gives as ${file}`, field.optional(field.bytes()), bytes ?? NONE);
  return bytes;
}

const NONE = new Uint8Array();

async function readShard(
  source: ModelSource,
  file: string,
  names: ReadonlySet<string>,
): Promise<ReadonlyMap<string, SafeTensor>> {
  const bytes = await bytesOf(source, file);
  if (!bytes) {
    throw new FormatError(`readWeights: shard ${file} is missing`, {
      details: [`tensors in it: ${names.size}`],
      fix: "download it again; a checkpoint is all of its shards. Where somebody saves into the folder meanwhile, open it again",
    });
  }
  const { tensors } = await decode(file, bytes);
  const details = [
    ...[...names].filter((name) => !tensors.has(name)).map((name) => `${shortName(name)}: missing`),
    ...[...tensors.keys()].filter((name) => !names.has(name)).map((name) => `${shortName(name)}: not of this shard`),
  ];
  if (details.length === 0) return tensors;
  throw new FormatError(`readWeights: shard ${file} does not hold what the index says`, {
    details: details.length > 40 ? [...details.slice(0, 40), `and ${details.length - 40} more`] : details,
    fix: "download index and shards of one version",
  });
}

/** Reads a file by what it is, not by what it is called. */
async function decode(
  file: string,
  bytes: Uint8Array,
): Promise<{ metadata: Readonly<Record<string, unknown>>; tensors: ReadonlyMap<string, SafeTensor> }> {
  try {
    if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) return await decodeSafetensors(bytes); // not "PK", as zip archives begin
    return { metadata: {}, tensors: (await readPthInTurns(bytes)).tensors };
  } catch (cause) {
    if (!DilatedError.is(cause)) throw cause;
    throw new FormatError(`readWeights: ${file} cannot be read`, { details: cause.message.split("\n"), cause });
  }
}

/** Attempts to read between the saves of others before these are made to wait. */
const ATTEMPTS = 5;

/**
 * Does `work` with the weights of a source, and anew with the new ones when a save replaced them meanwhile, so that it
 * sees one version or another. Where saves come faster than it reads, it takes a turn among them.
 */
export async function withWeights<T>(
  source: ModelSource,
  options: ReadWeightsOptions,
  work: (weights: Weights) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    let weights: Weights | undefined;
    const read = async (): Promise<T> => {
      weights = await openWeights(source, options);
      return work(weights);
    };
    try {
      return await (attempt > ATTEMPTS && source.exclusive ? source.exclusive(read, options.signal) : read());
    } catch (error) {
      if (attempt > ATTEMPTS || !weights || !(error instanceof FormatError) || !(await weights.replaced())) throw error;
    }
  }
}

/**
 * All weights of a folder as one state dict, for `fromTorchscale`; every shard stays in memory.
 *
 * @throws FormatError as {@link openWeights}.
 */
export async function readStateDict(
  source: ModelSource,
  options: ReadWeightsOptions = {},
): Promise<Map<string, SafeTensor>> {
  checkCall("readStateDict", READ, arguments);
  return withWeights(source, options, async (weights) => {
    const state = new Map<string, SafeTensor>();
    for await (const { tensors } of weights.shards()) for (const [name, tensor] of tensors) state.set(name, tensor);
    return state;
  });
}

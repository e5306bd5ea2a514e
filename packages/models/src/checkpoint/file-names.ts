import { checkArgument, FormatError, field } from "@dilated/core";

/** Where weights are looked for: an index of shards first, so that writing or removing it is what switches from one checkpoint to another. */
export const INDEX_NAMES = ["model.safetensors.index.json", "pytorch_model.bin.index.json"] as const;
export const WEIGHT_NAMES = ["model.safetensors", "pytorch_model.bin"] as const;
export const CONFIG_NAME = "config.json";

/** Suffix of a file that is being written. */
export const PARTIAL = ".partial";

const SHARD = /^model(?:-g(\d{1,9}))?-\d{5,9}-of-\d{5,9}\.safetensors(?:\.partial)?$/;

/** `model-00001-of-00003.safetensors`. A generation keeps a new checkpoint's shards apart from those that it is going to replace. */
export function shardName(generation: number, i: number, count: number): string {
  const digits = (n: number): string => String(n).padStart(5, "0");
  return `model${generation === 1 ? "" : `-g${generation}`}-${digits(i + 1)}-of-${digits(count)}.safetensors`;
}

/** The generation of a shard, also of one whose writing was cut short; undefined for other files. */
export function generationOf(name: string): number | undefined {
  const match = SHARD.exec(name);
  return match ? Number(match[1] ?? 1) : undefined;
}

/** True for shards of weights, and for whatever file of a model was cut short while it was written. */
export function isOfWeights(name: string): boolean {
  const whole = name.endsWith(PARTIAL) ? name.slice(0, -PARTIAL.length) : undefined;
  return generationOf(name) !== undefined || [INDEX_NAMES[0], WEIGHT_NAMES[0], CONFIG_NAME].some((n) => n === whole);
}

/**
 * A generation that has no file yet: 1 where there are no weights at all, else any, and not the next. A reader who
 * still has the index of an earlier save must miss its shards, and not find newer ones under their names.
 */
export function freeGeneration(names: readonly string[]): number {
  const before = names.filter((name) => isOfWeights(name) || INDEX_NAMES[0] === name || WEIGHT_NAMES[0] === name);
  if (before.length === 0) return 1;
  const taken = new Set(names.map(generationOf));
  let generation = 1;
  while (generation === 1 || taken.has(generation)) generation = 2 + Math.floor(Math.random() * (1e9 - 2));
  return generation;
}

/** Windows takes these for its devices, and drops dots and spaces at the end of a name. */
const DEVICES = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)|[. ]$/i;

/**
 * Refuses names that are more than the name of a file in the same folder.
 *
 * @throws FormatError
 */
export function checkFileName(caller: string, name: string): string {
  checkArgument(caller, "name", field.string(), name);
  // Slashes, drive letters and streams, what shells and Windows give a meaning, and names of nothing but dots.
  const plain =
    !DEVICES.test(name) && name.length > 0 && name.length <= 200 && !/[/\\:*?"<>|]/.test(name) && !/^\.+$/.test(name);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
  if (plain && !/[\u0000-\u001f]/.test(name)) return name;
  throw new FormatError(
    `${caller}: ${JSON.stringify(name.slice(0, 100))} is not the name of a file in the same folder`,
    {
      fix: "give plain file names, without folders",
    },
  );
}

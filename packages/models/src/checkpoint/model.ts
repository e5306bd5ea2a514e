import {
  checkCall,
  checkParameters,
  type Device,
  eventLoopPauses,
  type Field,
  type FieldsOf,
  FormatError,
  field,
  isPlain,
  parseStrict,
  sameShape,
  treeEntries,
  treeTies,
} from "@dilated/core";
import { SOURCE, STORE } from "../options/kinds.ts";
import { BUILDERS, MODEL, MODEL_KINDS, type Model, type ModelByKind, type ModelKind } from "../registry.ts";
import { reportTable } from "../torchscale/report.ts";
import { CONFIG_NAME } from "./file-names.ts";
import { openFilling } from "./fill.ts";
import { checkHeld } from "./least-size.ts";
import { READ_WEIGHTS_OPTIONS, type ReadWeightsOptions, type Weights, withWeights } from "./read-weights.ts";
import type { ModelSource, ModelStore } from "./store.ts";
import { WRITE_WEIGHTS_OPTIONS, type WriteWeightsOptions, writeWith } from "./write-weights.ts";

const FORMAT = "dilated-model-1";
const FORMATS = /^dilated-model-/;

/** How a model is written: as weights are. */
export type WriteModelOptions = Omit<WriteWeightsOptions, "metadata">;

const { metadata: _, ...WRITE_MODEL_OPTIONS } = WRITE_WEIGHTS_OPTIONS;

export const WRITE_MODEL: Readonly<Record<"store" | "model" | "options", Field<unknown>>> = {
  store: STORE,
  model: MODEL,
  options: field.options<WriteModelOptions>(WRITE_MODEL_OPTIONS),
};

/**
 * Writes a model: its weights (see `writeWeights`), which carry its kind and configuration, so that both change in one
 * step, and a copy of these as `config.json` for people and other programs.
 *
 * @returns names of the files
 * @throws ConfigError for what {@link readModel} would refuse: models of other classes (save their weights with
 * `writeWeights`), no weights; AbortedError by `signal`, leaving the previous checkpoint.
 */
export async function writeModel(store: ModelStore, model: Model, options: WriteModelOptions = {}): Promise<string[]> {
  checkCall("writeModel", WRITE_MODEL, arguments);
  const { kind, config } = model;
  checkParameters("writeModel", model.parameters, "model.parameters");
  const ties = treeTies(model.parameters);
  const tied = ties.length > 0 ? { tied: JSON.stringify(Object.fromEntries(ties)) } : {};
  const metadata = { format: FORMAT, kind, config: JSON.stringify(config), ...tied };
  const copy = new TextEncoder().encode(`${JSON.stringify({ kind, ...config }, null, 2)}\n`);
  return writeWith(store, treeEntries(model.parameters), { ...options, metadata }, [[CONFIG_NAME, copy]]);
}

/** How a model is read. */
export interface ReadModelOptions<K extends ModelKind = ModelKind> extends ReadWeightsOptions {
  /** The kind that it must be. @defaultValue any */
  readonly kind?: K | undefined;
  /** Fields that replace saved ones, where they do not change shapes: dropout, checkpointing, ... */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  /** Is told after each file. */
  readonly onProgress?:
    | ((progress: { readonly file: string; readonly files: number; readonly read: number }) => void)
    | undefined;
}

const READ_MODEL_OPTIONS: FieldsOf<ReadModelOptions> = {
  ...READ_WEIGHTS_OPTIONS,
  kind: field.optional(field.string()),
  config: field.optional(field.having({})),
  onProgress: field.optional(field.func()),
};

export const READ_MODEL: Readonly<Record<"device" | "source" | "options", Field<unknown>>> = {
  device: field.device(),
  source: SOURCE,
  options: field.options<ReadModelOptions>(READ_MODEL_OPTIONS),
};

/** What {@link readModel} gives. */
export interface SavedModel<K extends ModelKind = ModelKind> {
  readonly kind: K;
  readonly model: ModelByKind[K];
}

/**
 * Reads a model that {@link writeModel} wrote, one file of weights at a time. When another save replaces them
 * meanwhile, it starts again with the new ones.
 *
 * @throws FormatError for files that are missing, damaged, or do not fit each other (with a table of tensors); ConfigError that lists every bad field of the
 * configuration; AbortedError by `signal`.
 */
export async function readModel<K extends ModelKind = ModelKind>(
  device: Device,
  source: ModelSource,
  options: ReadModelOptions<K> = {},
): Promise<SavedModel<K>> {
  checkCall("readModel", READ_MODEL, arguments);
  const { signal } = options;
  return withWeights(source, { ...(signal && { signal }) }, (weights) => fillModel(device, source, weights, options));
}

async function fillModel<K extends ModelKind>(
  device: Device,
  source: ModelSource,
  weights: Weights,
  options: ReadModelOptions<K>,
): Promise<SavedModel<K>> {
  const { kind, config } = await savedConfig(source, weights, options.kind);
  checkHeld("readModel", config, weights);
  const model = BUILDERS[kind](
    "readModel",
    device,
    { ...config, ...options.config } as never,
    undefined,
  ) as ModelByKind[K];
  const pause = eventLoopPauses();
  try {
    tie(model.parameters, weights.metadata.tied);
    const filling = openFilling(treeEntries(model.parameters).map(([name, tensor]) => ({ name, tensor })));
    for await (const { tensors, file, count, index } of weights.shards()) {
      for (const [name, array] of tensors) {
        filling.put(name, array);
        await pause(); // what is stored in another type was converted
      }
      options.onProgress?.({ file, files: count, read: index + 1 });
    }
    const problems = filling.problems();
    if (problems.length === 0) return { kind, model };
    throw new FormatError(`readModel: the weights are not those of this ${kind}`, {
      details: reportTable(problems),
      fix: "take configuration and weights of one model",
    });
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Makes parameters one that were saved as one. */
function tie(parameters: unknown, saved: unknown): void {
  if (typeof saved !== "string") return;
  const names = parseStrict(saved, "readModel: the tied parameters");
  const tensors = new Map(treeEntries(parameters));
  for (const [name, first] of isPlain(names) ? Object.entries(names) : []) {
    const [own, shared] = [tensors.get(name), tensors.get(String(first))];
    const path = name.split(".");
    const last = path.pop() as string;
    let parent: unknown = parameters;
    for (const key of path) parent = (parent as Record<string, unknown> | undefined)?.[key];
    if (!own || !shared || !sameShape(own.shape, shared.shape))
      throw new FormatError(`readModel: ${JSON.stringify(name.slice(0, 100))} cannot be tied to another parameter`);
    (parent as Record<string, unknown>)[last] = shared;
    own.dispose();
  }
}

/** Kind and configuration: what the weights carry, else `config.json`. */
async function savedConfig<K extends ModelKind>(
  source: ModelSource,
  { metadata }: Weights,
  expected: K | undefined,
): Promise<{ kind: K; config: Readonly<Record<string, unknown>> }> {
  if (typeof metadata.format === "string" && metadata.format !== FORMAT && FORMATS.test(metadata.format)) {
    throw new FormatError("readModel: the model was written by another version of this library", {
      details: [`its format: ${metadata.format}; this version reads ${FORMAT}`],
      fix: "read it with the version that wrote it, or a newer one",
    });
  }
  const embedded = metadata.format === FORMAT && typeof metadata.config === "string";
  const text = embedded ? (metadata.config as string) : new TextDecoder().decode(await source.read(CONFIG_NAME));
  if (text === "") {
    throw new FormatError(`readModel: the weights carry no configuration, and there is no ${CONFIG_NAME}`, {
      fix: "for weights of PyTorch use fromTorchscale(device, await readStateDict(source), { kind, config })",
    });
  }
  const value = parseStrict(text, `readModel: ${embedded ? "the configuration" : CONFIG_NAME}`);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new FormatError("readModel: the configuration is not an object");
  const { kind, ...config } = { ...value, ...(embedded ? { kind: metadata.kind } : {}) } as Record<string, unknown>;
  if (typeof kind === "string" && Object.hasOwn(BUILDERS, kind) && (expected === undefined || kind === expected))
    return { kind: kind as K, config };
  throw new FormatError(`readModel: the model is of kind ${JSON.stringify(kind)?.slice(0, 100)}`, {
    details: [`expected: ${expected ?? MODEL_KINDS.join(", ")}`],
    fix: "read another folder, or ask for another kind",
  });
}

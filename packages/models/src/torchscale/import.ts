import { checkArgument, checkCall, type Device, type FieldsOf, FormatError, field, sizeOf } from "@dilated/core";
import { floatsOf, openFilling, type Slot } from "../checkpoint/fill.ts";
import { presetConfig } from "../factory.ts";
import { atOnce, inTurns, type Parts } from "../parts.ts";
import type { PresetByKind } from "../presets.ts";
import { BUILDERS, type Model, type ModelByKind, type ModelKind, type OptionsByKind } from "../registry.ts";
import { SEED_OPTIONS } from "../stack/forward-options.ts";
import { torchscaleEntries } from "./entries.ts";
import { aliasOf, isDerived } from "./names.ts";
import { findPrefix } from "./prefix.ts";
import { reportTable, type StateProblem } from "./report.ts";
import { resizePositions } from "./resize.ts";
import type { StateDict, StateTensor } from "./state.ts";
import { isTied } from "./tied.ts";

/** What {@link importTorchscale} is told. */
export interface ImportTorchscaleOptions<K extends ModelKind> {
  readonly kind: K;
  /** A named configuration, such as Prov-GigaPath's. */
  readonly preset?: PresetByKind[K] | undefined;
  /** Our configuration, or what differs from the preset; `torchscaleConfig` makes one from torchscale's arguments. Offsets and padding are torchscale's unless it says otherwise. */
  readonly config?: Partial<OptionsByKind[K]> | undefined;
  /** What stands before the names, such as `"slide_encoder."`. @defaultValue that under which most of the model's names are */
  readonly prefix?: string | undefined;
  /** What an array is called, before the prefix is taken off; undefined leaves it out. @defaultValue the name as it is */
  readonly rename?: ((name: string) => string | undefined) | undefined;
  /** `"bicubic"` resizes learned places of another grid than the configuration's, as LongViT does; see `resizePositions`. @defaultValue "exact" */
  readonly positions?: "exact" | "bicubic" | undefined;
}

/** What {@link fromTorchscale} is told. */
export interface FromTorchscaleOptions<K extends ModelKind> extends ImportTorchscaleOptions<K> {
  /** `"ignore"` leaves out arrays that the model has no use for. @defaultValue "error" */
  readonly unexpected?: "error" | "ignore" | undefined;
}

const IMPORT_OPTIONS: FieldsOf<ImportTorchscaleOptions<ModelKind>> = {
  kind: field.string(),
  preset: field.optional(field.string()),
  config: field.optional(field.having({})),
  prefix: field.optional(field.string()),
  rename: field.optional(field.func("of a name")),
  positions: field.optional(field.oneOf(["exact", "bicubic"])),
};
const FROM_OPTIONS: FieldsOf<FromTorchscaleOptions<ModelKind>> = {
  ...IMPORT_OPTIONS,
  unexpected: field.optional(field.oneOf(["error", "ignore"])),
};

const shape = field.list(field.nonNegativeInteger());
const [dtype, data] = [field.optional(field.string()), field.numbers()];
const ARRAY = field.having<FieldsOf<StateTensor>>({ dtype, shape, data });
const STATE = field.custom("a state dict: a Map of arrays by name", (value) => value instanceof Map);
const IMPORT = {
  device: field.device(),
  state: STATE,
  options: field.object(IMPORT_OPTIONS),
  fresh: field.options<{ readonly seed?: number }>(SEED_OPTIONS),
};
const FROM = { device: field.device(), state: STATE, options: field.object(FROM_OPTIONS) };

/** How torchscale's weights were trained: block offsets, and zero keys in the softmax. */
export const TORCHSCALE_COMPATIBILITY = { headOffset: "block", remainder: "zeroPad", xposScaleBase: 512 } as const;

/**
 * A model with the weights of a torchscale LongNet, LongViT or Prov-GigaPath state dict, as `readPth` and `readSafetensors` give it. Numbers agree with
 * the original's; its gradient is the exact one unless the configuration says `gradient: "detached"`, as torchscale trains.
 *
 * Synchronous: arrays are converted and copied to the device, some milliseconds a million values.
 * {@link loadTorchscale} lets the event loop in between arrays.
 *
 * @throws FormatError with a table of every missing, unexpected or misshapen array; ConfigError for the configuration.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createModel, fromTorchscale, toTorchscale } from "@dilated/models";
 * const device = await openDevice();
 * const config = { dim: 16, layers: 1, heads: 2, branches: [{ segment: 8, dilation: 1 }] };
 * const state = await toTorchscale(createModel(device, { kind: "longnet-encoder", ...config }));
 * console.log([...state.keys()][2]); // layers.0.self_attn.q_proj.weight
 * const encoder = fromTorchscale(device, state, { kind: "longnet-encoder", config });
 * device.dispose();
 * ```
 */
export function fromTorchscale<K extends ModelKind>(
  device: Device,
  state: StateDict,
  options: FromTorchscaleOptions<K>,
): ModelByKind[K] {
  checkCall("fromTorchscale", FROM, arguments);
  return atOnce(strictly("fromTorchscale", device, state, options));
}

/**
 * {@link fromTorchscale} that lets timers, frames and signals have their turn: for large models in a page. The arrays
 * must not change until it resolves.
 *
 * @throws as `fromTorchscale`
 */
export async function loadTorchscale<K extends ModelKind>(
  device: Device,
  state: StateDict,
  options: FromTorchscaleOptions<K>,
): Promise<ModelByKind[K]> {
  checkCall("loadTorchscale", FROM, arguments);
  return inTurns(strictly("loadTorchscale", device, state, options));
}

function* strictly<K extends ModelKind>(
  caller: string,
  device: Device,
  state: StateDict,
  options: FromTorchscaleOptions<K>,
): Parts<ModelByKind[K]> {
  const { unexpected = "error" } = options;
  const { model, problems, prefix } = yield* load(caller, device, state, options, undefined);
  const grave = problems.filter(({ problem }) => unexpected === "error" || problem !== "unexpected");
  if (grave.length === 0) return model;
  model.dispose();
  throw new FormatError(`${caller}: the state dict does not hold this ${options.kind}`, {
    details: [...(prefix ? [`names without their prefix ${JSON.stringify(prefix)}:`] : []), ...reportTable(grave)],
    fix: grave.some(({ name }) => name === "pos_embed")
      ? 'set grid to that of the weights, or pass positions: "bicubic"'
      : 'correct the configuration, pass rename, or unexpected: "ignore"; importTorchscale loads what fits',
  });
}

/** What {@link importTorchscale} gives. */
export interface ImportedModel<K extends ModelKind> {
  readonly model: ModelByKind[K];
  /** Everything that did not fit; empty when all did. */
  readonly problems: readonly StateProblem[];
}

/**
 * As {@link fromTorchscale}, but not strict: loads what fits, leaves other parameters as they are initialised, and says which.
 *
 * @param seed - of the parameters that the state dict does not give. @defaultValue 0
 * @throws ConfigError for the configuration; FormatError when no array fits at all.
 */
export function importTorchscale<K extends ModelKind>(
  device: Device,
  state: StateDict,
  options: ImportTorchscaleOptions<K>,
  fresh: { readonly seed?: number } = {},
): ImportedModel<K> {
  checkCall("importTorchscale", IMPORT, arguments);
  const { model, problems } = atOnce(load("importTorchscale", device, state, options, fresh.seed ?? 0));
  const failed = problems.filter(({ problem }) => problem !== "unexpected").length;
  if (failed < torchscaleEntries(model).length) return { model, problems };
  model.dispose();
  throw new FormatError(`importTorchscale: nothing in the state dict fits this ${options.kind}`, {
    details: reportTable(problems),
    fix: "correct the kind and configuration, or pass prefix or rename",
  });
}

/** Stops after each array. */
function* load<K extends ModelKind>(
  caller: string,
  device: Device,
  state: StateDict,
  options: ImportTorchscaleOptions<K>,
  seed: number | undefined,
): Parts<ImportedModel<K> & { readonly prefix: string }> {
  const { kind, preset, rename = (name: string) => name, positions = "exact" } = options;
  const config = presetConfig(caller, kind, { preset, ...options.config });
  const given = new Map<string, StateTensor>();
  for (const [name, array] of state) {
    checkArgument(caller, "the names of the state dict", field.string(), name);
    checkArgument(caller, `the array ${JSON.stringify(name.slice(0, 60))}`, ARRAY, array);
    const renamed = rename(name);
    checkArgument(caller, "what rename returns", field.optional(field.string()), renamed);
    if (renamed !== undefined) given.set(renamed, array);
    yield; // what is stored in another type was converted
  }
  const model = BUILDERS[kind](caller, device, compatible(kind, config), seed);
  try {
    const slots = torchscaleEntries(model).map((entry): Slot => ({ ...entry, adapt: adapter(entry, positions) }));
    const expected = new Set(slots.map(({ name }) => name));
    const { prefix = findPrefix(given.keys(), expected) } = options;
    const filling = openFilling(slots);
    for (const [name, array] of given) {
      const inside = name.startsWith(prefix);
      const bare = inside ? name.slice(prefix.length) : name;
      const target = inside && expected.has(bare) ? bare : aliasOf(kind, bare);
      if (target !== undefined) filling.put(target, array);
      else if (!inside || !isKnown(model, bare)) filling.reject(name);
      yield;
    }
    return { model, problems: filling.problems(), prefix };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Arrays that the model does not read, but that belong to it. */
function isKnown(model: Model, name: string): boolean {
  const fixed = model.kind === "longnet-vit" && model.config.gridPosition !== "learned" && name === "pos_embed";
  return fixed || isDerived(name) || (isTied(model) && /(^|\.)output_projection\.weight$/.test(name));
}

/** A convolution over patches is a matrix; tables may have an axis of one sample in front, and be of another grid. */
function adapter({ name, tensor, skip }: Slot, positions: "exact" | "bicubic"): (array: StateTensor) => StateTensor {
  const [rows = 1, ...rest] = tensor.shape;
  const shape = skip ? [rows + skip, ...rest] : tensor.shape;
  return (array) => {
    const flat = sizeOf(array.shape) === sizeOf(shape) && (array.shape[0] === shape[0] || array.shape[0] === 1);
    if (flat) return { ...array, shape };
    if (array.data.length !== sizeOf(array.shape)) return array;
    const [side, to] = [Math.sqrt(sizeOf(array.shape) / (shape[1] ?? 1)), Math.sqrt(rows)];
    if (name !== "pos_embed" || positions === "exact" || !Number.isInteger(side)) return array;
    return { shape, data: resizePositions(floatsOf(array), { from: [side, side], to: [to, to] }) };
  };
}

function compatible<K extends ModelKind>(kind: K, config: OptionsByKind[K]): OptionsByKind[K] {
  if (kind !== "longnet") return { ...TORCHSCALE_COMPATIBILITY, ...config };
  const { encoder, decoder, ...rest } = config as OptionsByKind["longnet"];
  const both: OptionsByKind["longnet"] = {
    ...rest,
    encoder: { ...TORCHSCALE_COMPATIBILITY, ...encoder },
    decoder: { ...TORCHSCALE_COMPATIBILITY, ...decoder },
  };
  return both as OptionsByKind[K];
}

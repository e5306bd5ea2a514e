import { ConfigError, checkCall, type Device, field } from "@dilated/core";
import { PRESETS, type PresetByKind } from "./presets.ts";
import { BUILDERS, MODEL_KINDS, type ModelByKind, type ModelKind, type OptionsByKind } from "./registry.ts";

/** Which model to make: a kind, optionally a preset, and whatever should differ from it. */
export type ModelOptions<K extends ModelKind = ModelKind> = {
  [One in K]: {
    readonly kind: One;
    readonly preset?: PresetByKind[One] | undefined;
    /** Seeds the initial weights. @defaultValue 0 */
    readonly seed?: number | undefined;
  } & Partial<OptionsByKind[One]>;
}[K];

const CREATE_MODEL = {
  device: field.device(),
  options: field.having({
    kind: field.string(),
    preset: field.optional(field.string()),
    seed: field.optional(field.nonNegativeInteger()),
  }),
};

/**
 * Makes a model by name; its class follows from `kind`. Its weights are drawn on the device, behind what is queued: it
 * returns before they are there.
 *
 * @throws ConfigError for unknown kinds and presets (it lists the known ones), and for every bad field.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createModel } from "@dilated/models";
 * const device = await openDevice();
 * const model = createModel(device, { kind: "longnet-lm", preset: "tiny", vocab: 256 });
 * device.dispose();
 * ```
 */
export function createModel<K extends ModelKind>(
  device: Device,
  options: ModelOptions<K> & { readonly kind: K },
): ModelByKind[K] {
  checkCall("createModel", CREATE_MODEL, arguments);
  const { kind, seed = 0, ...rest } = options;
  return BUILDERS[kind](
    "createModel",
    device,
    presetConfig("createModel", kind, rest as Readonly<Record<string, unknown>>),
    seed,
  );
}

/**
 * A preset with changes on top, or the changes alone.
 *
 * @throws ConfigError for unknown kinds and presets.
 */
export function presetConfig<K extends ModelKind>(
  caller: string,
  kind: K,
  { preset, ...config }: { readonly preset?: string | undefined } & Readonly<Record<string, unknown>>,
): OptionsByKind[K] {
  if (!Object.hasOwn(BUILDERS, kind)) {
    throw new ConfigError(`${caller}: unknown kind ${String(kind)}`, {
      details: [`known: ${MODEL_KINDS.join(", ")}`],
      fix: "use a known kind",
    });
  }
  const known: Readonly<Record<string, OptionsByKind[K]>> = PRESETS[kind];
  if (preset !== undefined && !Object.hasOwn(known, preset)) {
    throw new ConfigError(`${caller}: unknown preset ${String(preset)}`, {
      details: [`known: ${Object.keys(known).join(", ")}`],
      fix: "use a known preset, or give dim, layers, heads and branches",
    });
  }
  return { ...(preset === undefined ? {} : known[preset]), ...config } as OptionsByKind[K];
}

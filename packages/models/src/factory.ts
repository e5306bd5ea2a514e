import { ConfigError, type Device } from "@dilated/core";
import type { LongNetLMOptions } from "./longnet-lm/config.ts";
import { createLongNetLM, type LongNetLM } from "./longnet-lm/model.ts";
import { LONGNET_LM_PRESETS } from "./longnet-lm/presets.ts";

/** Which model to make: a kind, optionally a preset, and whatever should differ from it. */
export interface ModelOptions extends Partial<LongNetLMOptions> {
  readonly kind: "longnet-lm";
  readonly preset?: keyof typeof LONGNET_LM_PRESETS;
  /** Seeds the initial weights. @defaultValue 0 */
  readonly seed?: number;
}

/**
 * Makes a model by name.
 *
 * @throws ConfigError for unknown kinds and presets (it lists the known ones), and for every bad field.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createModel } from "@dilated/models";
 * using device = await openDevice();
 * const model = createModel(device, { kind: "longnet-lm", preset: "tiny", vocab: 256 });
 * ```
 */
export function createModel(device: Device, options: ModelOptions): LongNetLM {
  const { kind, preset, seed = 0, ...config } = options;
  if (kind !== "longnet-lm") {
    throw new ConfigError(`createModel: unknown kind ${String(kind)}`, {
      details: ["known: longnet-lm"],
      fix: "use a known kind",
    });
  }
  if (preset !== undefined && !Object.hasOwn(LONGNET_LM_PRESETS, preset)) {
    throw new ConfigError(`createModel: unknown preset ${String(preset)}`, {
      details: [`known: ${Object.keys(LONGNET_LM_PRESETS).join(", ")}`],
      fix: "use a known preset, or give dim, layers, heads and branches",
    });
  }
  const base = preset === undefined ? {} : LONGNET_LM_PRESETS[preset];
  return createLongNetLM(device, { ...base, ...config } as LongNetLMOptions, { seed });
}

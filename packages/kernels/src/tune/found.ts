import { checkCall, type Device, field } from "@dilated/core";
import { suggest } from "./choice.ts";
import { STORE } from "./options.ts";
import { type Entry, readEntries, writeEntries } from "./store/record.ts";
import type { TuningStore } from "./store/store.ts";

const ARGUMENTS = { device: field.device(), store: STORE };

// What is known of a device's keys, from tuning or from a store.
const known = new WeakMap<Device, Map<string, Entry>>();

export function foundOn(device: Device): Map<string, Entry> {
  const mine = known.get(device) ?? new Map<string, Entry>();
  known.set(device, mine);
  return mine;
}

/** What {@link loadTuning} found. */
export interface LoadedTuning {
  /** Keys whose variants are in use from now on, wherever their kernels still offer them. */
  readonly keys: readonly string[];
  /** Why entries, or all of them, were ignored. */
  readonly problem?: string;
}

/**
 * Makes a device use what was found for its adapter, tier and this version of the package; measures nothing. A variant that its kernel does not offer on this device is
 * not used. What is damaged or cannot be read is ignored, and reported.
 *
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { loadTuning, tuningStore } from "@dilated/kernels/tune";
 * const device = await openDevice();
 * const { keys, problem } = await loadTuning(device, tuningStore());
 * console.log(keys, problem ?? "");
 * device.dispose();
 * ```
 */
export async function loadTuning(device: Device, store: TuningStore): Promise<LoadedTuning> {
  checkCall("loadTuning", ARGUMENTS, arguments);
  const { entries, problem } = await readEntries(device, store);
  const found = foundOn(device);
  for (const [key, entry] of entries) {
    found.set(key, entry);
    suggest(device, key, entry.variant ?? undefined);
  }
  const keys = [...entries.keys()];
  return problem === undefined ? { keys } : { keys, problem };
}

/**
 * Saves everything that is known of a device, beside what the store holds for it; `tune` with a `store` does so by itself.
 *
 * @returns the keys
 * @throws ConfigError for what is no store; errors of the store as they are
 */
export async function saveTuning(device: Device, store: TuningStore): Promise<readonly string[]> {
  checkCall("saveTuning", ARGUMENTS, arguments);
  const found = foundOn(device);
  if (found.size > 0) await writeEntries(device, store, found);
  return [...found.keys()];
}

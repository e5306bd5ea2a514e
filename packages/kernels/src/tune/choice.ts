import type { Device } from "@dilated/core";

// What tuning found is state of the device.
const choices = new WeakMap<Device, Map<string, unknown>>();

/** The variant chosen for `key` on this device, or the first of `variants`: the default, good without tuning. */
export function tuned<V>(device: Device, key: string, variants: readonly V[]): V {
  return (choices.get(device)?.get(key) as V | undefined) ?? (variants[0] as V);
}

/** Makes `tuned` give `variant` from now on; undefined goes back to the default. */
export function choose<V>(device: Device, key: string, variant: V | undefined): void {
  const mine = choices.get(device) ?? new Map<string, unknown>();
  choices.set(device, mine);
  if (variant === undefined) mine.delete(key);
  else mine.set(key, variant);
}

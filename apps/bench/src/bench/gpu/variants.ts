import { type Device, type OpenDeviceOptions, openDevice } from "@dilated/core";

/** The sets of switches that are timed beside each other: what everybody gets, and what has to be asked for. */
export const VARIANTS: Readonly<Record<"default" | "fast", OpenDeviceOptions>> = {
  default: {},
  fast: { robustness: false },
};

export type VariantName = keyof typeof VARIANTS;

/** A device with the switches it was opened with. */
export interface Runner {
  readonly variant: VariantName;
  readonly device: Device;
  /** How its rows are signed. */
  readonly who: string;
}

/** Opens one device a variant. A software adapter is let through: right, and marked as what it is. Throws when none opens. */
export async function openRunners(variants: readonly VariantName[], options: OpenDeviceOptions): Promise<Runner[]> {
  const runners: Runner[] = [];
  for (const variant of variants) {
    try {
      const device = await openDevice({ ...VARIANTS[variant], ...options });
      runners.push({ variant, device, who: `dilated (${device.info.tier}, ${variant})` });
    } catch (error) {
      if (runners.length === 0 && variant === variants.at(-1)) throw error;
      console.error(`switches "${variant}" are left out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return runners;
}

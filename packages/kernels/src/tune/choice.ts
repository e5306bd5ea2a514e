import { type Device, isPlain, show } from "@dilated/core";

/** What a device knows about variants. */
interface Choices {
  /** Variants that somebody insists on. */
  readonly chosen: Map<string, unknown>;
  /** Names of variants that an earlier run found best: used where they are still on offer. */
  readonly suggested: Map<string, string>;
  /** What kernels ask for, while somebody observes. */
  asked: Map<string, readonly unknown[]> | undefined;
}

// What tuning found is state of the device.
const devices = new WeakMap<Device, Choices>();

function choicesOf(device: Device): Choices {
  const known = devices.get(device);
  if (known) return known;
  const fresh: Choices = { chosen: new Map(), suggested: new Map(), asked: undefined };
  devices.set(device, fresh);
  return fresh;
}

/** `tuned` for kernels of this package, which may have no variants on a device. */
export function tuned<V>(device: Device, key: string, variants: readonly V[]): V {
  const choices = devices.get(device);
  const usual = variants[0] as V;
  if (!choices) return usual;
  choices.asked?.set(key, variants);
  if (choices.chosen.has(key)) return choices.chosen.get(key) as V;
  const name = choices.suggested.get(key);
  return name === undefined ? usual : (variants.find((variant) => nameOf(variant) === name) ?? usual);
}

/** Makes `tuned` give `variant` from now on; undefined goes back to what was suggested, or the default. */
export function choose<V>(device: Device, key: string, variant: V | undefined): void {
  const { chosen } = choicesOf(device);
  if (variant === undefined) chosen.delete(key);
  else chosen.set(key, variant);
}

/** Makes `tuned` give the variant of this name wherever it is on offer; undefined takes the suggestion back. */
export function suggest(device: Device, key: string, name: string | undefined): void {
  const { suggested } = choicesOf(device);
  if (name === undefined) suggested.delete(key);
  else suggested.set(key, name);
}

/** Does `work`, which must be synchronous, with a variant chosen; nobody else sees it. */
export function withVariant<V, R>(device: Device, key: string, variant: V, work: () => R): R {
  const { chosen } = choicesOf(device);
  const before = chosen.has(key) ? { variant: chosen.get(key) } : undefined;
  chosen.set(key, variant);
  try {
    return work();
  } finally {
    if (before) chosen.set(key, before.variant);
    else chosen.delete(key);
  }
}

/** The keys, with their variants, that `work` asks for. Whoever observes inside sees its own part only. */
export function observe(device: Device, work: () => void): ReadonlyMap<string, readonly unknown[]> {
  const choices = choicesOf(device);
  const outer = choices.asked;
  const asked = new Map<string, readonly unknown[]>();
  choices.asked = asked;
  try {
    work();
  } finally {
    choices.asked = outer;
  }
  return asked;
}

/** A variant as it is printed and stored: the name itself, or `SUBGROUPS_M=2 SUBGROUPS_N=1`. */
export function nameOf(variant: unknown, within = 0): string {
  if (typeof variant !== "object" || variant === null) return String(variant);
  if (!isPlain(variant) || within > 4) return show(variant);
  const fields = Object.entries(variant).sort(([a], [b]) => (a < b ? -1 : 1));
  return fields.map(([name, value]) => `${name}=${nameOf(value, within + 1)}`).join(" ");
}

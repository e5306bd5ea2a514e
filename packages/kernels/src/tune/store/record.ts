import type { Device } from "@dilated/core";
import { version } from "../../../package.json";
import type { TuningStore } from "./store.ts";

/** What is known of a key: the name of the best variant; null where the default is. */
export interface Entry {
  readonly variant: string | null;
  /** How many times faster than the default it was. */
  readonly gain: number;
}

export type Entries = ReadonlyMap<string, Entry>;

/** Raised when the meaning of a record changes. */
const FORMAT = 1;

/** What results hold for: another adapter, tier, bounds checking or version of this package may have another best variant. */
export function recordId({ info }: Device): string {
  const checks = info.robustness === false ? "unchecked" : "checked";
  return [info.adapter, info.tier, checks, version].join(" | ");
}

/** The entries in the store, and why there are none where that is so. */
export async function readEntries(
  device: Device,
  store: TuningStore,
): Promise<{ readonly entries: Entries; readonly problem?: string }> {
  const id = recordId(device);
  const nothing = (problem: string) => ({ entries: new Map(), problem: `${store.where}: ${problem}` });
  let text: string | undefined;
  try {
    text = await store.read(id);
  } catch (error) {
    return nothing(`cannot be read (${messageOf(error)})`);
  }
  if (text === undefined) return { entries: new Map() };
  try {
    const record = JSON.parse(text) as { format?: unknown; id?: unknown; entries?: unknown } | null;
    if (record?.format !== FORMAT || record.id !== id)
      return nothing("what was saved is for another device or version");
    const entries = Object.entries(record.entries as Record<string, unknown>);
    const bad = entries.filter(([, entry]) => !isEntry(entry)).map(([key]) => key);
    const good = new Map(entries.filter((pair): pair is [string, Entry] => isEntry(pair[1])));
    return bad.length === 0
      ? { entries: good }
      : { entries: good, problem: `${store.where}: entries that make no sense were ignored: ${bad.join(", ")}` };
  } catch (error) {
    return nothing(`what was saved is damaged and was ignored (${messageOf(error)})`);
  }
}

/** Adds entries to those in the store: other processes may have saved theirs meanwhile. */
export async function writeEntries(device: Device, store: TuningStore, entries: Entries): Promise<void> {
  const before = await readEntries(device, store);
  const all = Object.fromEntries([...before.entries, ...entries]);
  const id = recordId(device);
  await store.write(id, `${JSON.stringify({ format: FORMAT, id, entries: all }, null, 2)}\n`);
}

function isEntry(value: unknown): value is Entry {
  const { variant, gain } = (value ?? {}) as Record<string, unknown>;
  return (variant === null || typeof variant === "string") && typeof gain === "number" && gain >= 1;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
}

import type { Device, Tensor } from "@dilated/core";

/** Something computed once for a device and a configuration, which may hold tensors. */
export interface Cached {
  readonly tables: readonly Tensor[];
}

// A cache is state of the device: it goes when the device does, and its tensors with the device's memory.
const caches = new WeakMap<Device, Map<string, Cached>>();
const MOST = 64;

/** What `make` gave for this device and key; the least recently used of many are dropped and their tables freed. */
export function cached<T extends Cached>(device: Device, key: string, make: () => T): T {
  const cache = caches.get(device) ?? new Map<string, Cached>();
  caches.set(device, cache);
  const value = (cache.get(key) as T | undefined) ?? make();
  cache.delete(key); // so that it is the youngest
  cache.set(key, value);
  for (const [oldest, { tables }] of cache) {
    if (cache.size <= MOST) break;
    cache.delete(oldest);
    for (const table of tables) table.dispose();
  }
  return value;
}

/** A table of u32 words on the device that belongs to no scope; shows in `stats()` under this label. */
export function uploadTable(device: Device, words: ArrayLike<number>, label: string): Tensor {
  using scoped = device.tensor(words, [words.length], { dtype: "u32", label });
  return scoped.detachedAlias();
}

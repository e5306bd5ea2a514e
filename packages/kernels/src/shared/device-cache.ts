import type { Device, Tensor } from "@dilated/core";

/** Something computed once for a device and a configuration, which may hold tensors. */
export interface Cached {
  readonly tables: readonly Tensor[];
}

// A cache is state of the device: it goes when the device does, and its tensors with the device's memory.
interface Cache {
  readonly entries: Map<string, Cached>;
  /** Numbers of what entries belong to. */
  readonly owners: WeakMap<object, number>;
  count: number;
}

const caches = new WeakMap<Device, Cache>();
const MOST = 64;

function cacheOf(device: Device): Cache {
  const cache = caches.get(device) ?? {
    entries: new Map<string, Cached>(),
    owners: new WeakMap<object, number>(),
    count: 0,
  };
  caches.set(device, cache);
  return cache;
}

/** What `make` gave for this device and key; the least recently used of many are dropped and their tables freed. */
export function cached<T extends Cached>(device: Device, key: string, make: () => T): T {
  const { entries } = cacheOf(device);
  const value = (entries.get(key) as T | undefined) ?? whole(make);
  entries.delete(key); // so that it is the youngest
  entries.set(key, value);
  for (const [oldest, { tables }] of entries) {
    if (entries.size <= MOST) break;
    entries.delete(oldest);
    for (const table of tables) table.dispose();
  }
  return value;
}

/** Tables of what is being made. */
let made: Tensor[] | undefined;

/** All of what `make` makes, or, where it throws, nothing: tables belong to no scope that would free them. */
function whole<T>(make: () => T): T {
  const outer = made;
  const mine: Tensor[] = [];
  made = mine;
  try {
    return make();
  } catch (error) {
    for (const table of mine) table.dispose();
    throw error;
  } finally {
    made = outer;
  }
}

/** The same for what belongs to an object, by its identity. */
export function cachedFor<T extends Cached>(device: Device, owner: object, key: string, make: () => T): T {
  const cache = cacheOf(device);
  const number = cache.owners.get(owner) ?? cache.count++;
  cache.owners.set(owner, number);
  return cached(device, `#${number} ${key}`, make);
}

/** A table of u32 words on the device that belongs to no scope; shows in `stats()` under this label. */
export function uploadTable(device: Device, words: ArrayLike<number>, label: string): Tensor {
  using scoped = device.tensor(words, [words.length], { dtype: "u32", label });
  const table = scoped.detachedAlias();
  made?.push(table);
  return table;
}

import type { TensorEntry } from "./header.ts";
import type { StoredTensor } from "./read.ts";

type Held = StoredTensor | TensorEntry;

/**
 * Tensors by name, each made when it is asked for, once: a header may name a million, of which each is a view of the file and a getter, half a kilobyte in all. Names and their order are
 * those of a plain Map.
 */
export class TensorMap extends Map<string, StoredTensor> {
  readonly #open: (name: string, entry: TensorEntry) => StoredTensor;

  constructor(
    entries: ReadonlyMap<string, TensorEntry>,
    open: (name: string, entry: TensorEntry) => StoredTensor,
  ) {
    super();
    this.#open = open;
    for (const [name, entry] of entries) this.set(name, entry as Held as StoredTensor);
  }

  override get(name: string): StoredTensor | undefined {
    const held = super.get(name) as Held | undefined;
    if (!held || !("begin" in held)) return held;
    const made = this.#open(name, held);
    this.set(name, made);
    return made;
  }

  override *entries(): MapIterator<[string, StoredTensor]> {
    for (const name of this.keys()) yield [name, this.get(name) as StoredTensor];
  }

  override *values(): MapIterator<StoredTensor> {
    for (const name of this.keys()) yield this.get(name) as StoredTensor;
  }

  override [Symbol.iterator](): MapIterator<[string, StoredTensor]> {
    return this.entries();
  }

  override forEach(each: (tensor: StoredTensor, name: string, map: Map<string, StoredTensor>) => void, self?: unknown): void {
    for (const [name, tensor] of this) each.call(self, tensor, name, this);
  }
}

import type { Names } from "./header.ts";
import type { StoredTensor } from "./read.ts";

/**
 * Tensors by name, each made when it is asked for, and once: a header may name a million, of which each is a view of
 * the file and a getter, half a kilobyte in all. Until then its number stands in its place.
 */
export class TensorMap extends Map<string, StoredTensor> {
  readonly #make: (name: string, number: number) => StoredTensor;

  constructor(make: (name: string, number: number) => StoredTensor) {
    super();
    this.#make = make;
  }

  /** The same map, to put numbers in. */
  get numbers(): Names {
    return this as unknown as Map<string, number>;
  }

  override get(name: string): StoredTensor | undefined {
    const held = super.get(name) as StoredTensor | number | undefined;
    if (typeof held !== "number") return held;
    const made = this.#make(name, held);
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

  override forEach(each: (tensor: StoredTensor, name: string, map: Map<string, StoredTensor>) => void): void {
    for (const [name, tensor] of this) each(tensor, name, this);
  }
}

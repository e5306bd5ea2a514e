/** First in, first out, in constant time: `Array.shift` and `splice` move all that is behind. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #begin = 0;

  get length(): number {
    return this.#items.length - this.#begin;
  }

  get first(): T | undefined {
    return this.#items[this.#begin];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#begin];
    if (this.#begin === this.#items.length) return undefined;
    this.#items[this.#begin++] = undefined;
    if (this.#begin * 2 > this.#items.length + 64) {
      this.#items = this.#items.slice(this.#begin);
      this.#begin = 0;
    }
    return item;
  }

  /** Takes everything. */
  clear(): T[] {
    const all = this.#items.slice(this.#begin) as T[];
    this.#items = [];
    this.#begin = 0;
    return all;
  }
}

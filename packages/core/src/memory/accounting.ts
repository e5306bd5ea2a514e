import type { MemoryStats } from "../device/backend.ts";

/** Counts live bytes by label. The backend's pool counts what is kept for reuse. */
export class Accounting {
  #live = 0;
  #peak = 0;
  #buffers = 0;
  readonly #byLabel = new Map<string, number>();

  add(label: string, bytes: number): void {
    this.#live += bytes;
    this.#buffers += 1;
    this.#peak = Math.max(this.#peak, this.#live);
    this.#byLabel.set(label, (this.#byLabel.get(label) ?? 0) + bytes);
  }

  remove(label: string, bytes: number): void {
    this.#live -= bytes;
    this.#buffers -= 1;
    const left = (this.#byLabel.get(label) ?? 0) - bytes;
    if (left > 0) this.#byLabel.set(label, left);
    else this.#byLabel.delete(label);
  }

  resetPeak(): void {
    this.#peak = this.#live;
  }

  stats(pooled: number): MemoryStats {
    return {
      live: this.#live,
      pooled,
      peak: this.#peak,
      buffers: this.#buffers,
      byLabel: Object.fromEntries(this.#byLabel),
    };
  }
}

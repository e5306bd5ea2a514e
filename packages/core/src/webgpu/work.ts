import type { DilatedError } from "../errors/index.ts";
import { worstOf } from "./faults.ts";

/**
 * Something that WebGPU was asked for, of which it says later whether it was done: a pipeline, a buffer, what a launch
 * writes. It has failed where anything that it needs has failed.
 */
export class Work {
  /** What was asked for, in messages. */
  readonly name: string;
  #needs: readonly Work[] = [];
  #fault: DilatedError | undefined;
  #settled = false;

  constructor(name: string, needs: readonly Work[] = []) {
    this.name = name;
    this.add(needs);
  }

  /** Why it failed, as far as that was known when it was asked for, or has been settled since. */
  get fault(): DilatedError | undefined {
    return this.#fault;
  }

  /** Whether WebGPU has answered. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Adds to what it needs. */
  add(needs: readonly Work[]): void {
    this.#needs = [...this.#needs, ...needs];
    this.#fault ??= worstOf(this.#needs.map(({ fault }) => fault));
  }

  /** Looks once more at what it needs. */
  inherit(): DilatedError | undefined {
    this.#fault ??= worstOf(this.#needs.map(({ fault }) => fault));
    return this.#fault;
  }

  /** Called in queue order: what it needs is settled by then, and need not be kept. Gives the fault where it is new. */
  settle(fault: DilatedError | undefined): DilatedError | undefined {
    const known = this.inherit();
    this.#fault ??= fault;
    this.#needs = [];
    this.#settled = true;
    return known ? undefined : fault;
  }
}

/** What of it is not known to be good. */
export function doubtful(...works: readonly (Work | undefined)[]): Work[] {
  return works.filter((work) => work !== undefined && !(work.settled && work.fault === undefined)) as Work[];
}

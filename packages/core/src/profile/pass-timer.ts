import { MAP, USAGE } from "../webgpu/flags.ts";
import { quantumOf } from "./quantum.ts";
import type { DeviceTiming, ProfileDetail, TimedSpan, Timer } from "./timing.ts";

/** Timestamps a query set holds at most: WebGPU's limit. */
const SET_SIZE = 4_096;
const TIMESTAMP_BYTES = 8;
const NS_PER_MS = 1e6;

/** Gives compute passes a pair of timestamps each, and reads them all at the end. */
export class PassTimer implements Timer {
  /** Every launch gets a pass of its own. */
  readonly perLaunch: boolean;
  readonly #device: GPUDevice;
  readonly #sets: GPUQuerySet[] = [];
  readonly #names: string[] = [];
  readonly #onStop: () => void;

  constructor(device: GPUDevice, detail: ProfileDetail, onStop: () => void) {
    this.#device = device;
    this.#onStop = onStop;
    this.perLaunch = detail === "kernels";
  }

  /** What the pass that is opened next, which starts with a launch of `kernel`, is told. */
  nextPass(kernel: string): GPUComputePassTimestampWrites {
    const first = (this.#names.length * 2) % SET_SIZE;
    if (first === 0) this.#sets.push(this.#device.createQuerySet({ type: "timestamp", count: SET_SIZE }));
    this.#names.push(this.perLaunch ? kernel : "");
    return {
      querySet: this.#sets.at(-1) as GPUQuerySet,
      beginningOfPassWriteIndex: first,
      endOfPassWriteIndex: first + 1,
    };
  }

  async stop(): Promise<DeviceTiming> {
    this.#onStop();
    try {
      const stamps = await this.#read();
      const spans: TimedSpan[] = [];
      const zero = stamps.reduce((least, stamp) => (stamp > 0n && stamp < least ? stamp : least), stamps[0] ?? 0n);
      for (const [i, name] of this.#names.entries()) {
        const [begin, end] = [stamps[2 * i] ?? 0n, stamps[2 * i + 1] ?? 0n];
        // A driver that resets its clock in between leaves an end before its begin: WebGPU asks callers to expect that.
        if (end >= begin && begin > 0n) spans.push({ name, begin: toMs(begin - zero), end: toMs(end - zero) });
      }
      return { clock: "timestamp-query", quantumMs: quantumOf(stamps) / NS_PER_MS, spans };
    } finally {
      for (const set of this.#sets) set.destroy();
    }
  }

  /** Two stamps a pass, nanoseconds. */
  async #read(): Promise<bigint[]> {
    const stamps: bigint[] = [];
    for (const [i, set] of this.#sets.entries()) {
      const count = Math.min(SET_SIZE, this.#names.length * 2 - i * SET_SIZE);
      const size = count * TIMESTAMP_BYTES;
      const resolved = this.#device.createBuffer({ size, usage: USAGE.QUERY_RESOLVE | USAGE.COPY_SRC });
      const readable = this.#device.createBuffer({ size, usage: USAGE.COPY_DST | USAGE.MAP_READ });
      const encoder = this.#device.createCommandEncoder();
      encoder.resolveQuerySet(set, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, readable, 0, size);
      this.#device.queue.submit([encoder.finish()]);
      await readable.mapAsync(MAP.READ);
      stamps.push(...new BigUint64Array(readable.getMappedRange()));
      resolved.destroy();
      readable.destroy();
    }
    return stamps;
  }
}

function toMs(nanoseconds: bigint): number {
  return Number(nanoseconds) / NS_PER_MS;
}

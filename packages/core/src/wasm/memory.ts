import { DeviceError } from "../errors/index.ts";
import { HEAP_START, LEFT, OWNER } from "./layout.ts";

/** A shared memory and how far it may grow. */
export interface SharedMemory {
  readonly memory: WebAssembly.Memory;
  /** Pages of 64 KiB. */
  readonly maximumPages: number;
}

interface Retired {
  readonly memory: WeakRef<WebAssembly.Memory>;
  readonly maximumPages: number;
  /** Workers that have to leave before it can be used again. */
  readonly workers: number;
}

/**
 * Memories of closed devices. A shared memory is freed by garbage collection alone, which does not see how large it is and may not come for hundreds of
 * devices; so the next device takes what has not been collected yet. The references are weak: nothing is kept from the collector.
 */
let retired: Retired[] = [];

/** Offers the memory of a closed device, once its workers have left. */
export function retireMemory({ memory, maximumPages }: SharedMemory, workers: number): void {
  retired.push({ memory: new WeakRef(memory), maximumPages, workers });
}

/** The memory for a device: one of a closed device that is still there, or a new one. Its control words are zero but for
 * its owner's number, the rest may hold anything. */
export function openMemory(): SharedMemory {
  retired = retired.filter(({ memory }) => memory.deref() !== undefined);
  for (const entry of retired) {
    const memory = entry.memory.deref();
    if (!memory || Atomics.load(new Int32Array(memory.buffer), LEFT) < entry.workers) continue;
    retired = retired.filter((other) => other !== entry);
    const words = new Int32Array(memory.buffer, 0, HEAP_START / 4);
    const owner = Atomics.load(words, OWNER);
    words.fill(0);
    Atomics.store(words, OWNER, (owner + 1) | 0); // what the last device still had in mind for later must not happen to this one
    return { memory, maximumPages: entry.maximumPages };
  }
  return createMemory();
}

/** Reserves address space for a shared memory: 4 GiB, or as much as the system gives (phones and 32-bit systems give less). */
function createMemory(): SharedMemory {
  let cause: unknown;
  for (let maximumPages = 65_536; maximumPages >= 1_024; maximumPages /= 2) {
    try {
      return { memory: new WebAssembly.Memory({ initial: 64, maximum: maximumPages, shared: true }), maximumPages };
    } catch (error) {
      cause = error;
    }
  }
  throw new DeviceError("openDevice: no memory for the WebAssembly backend", {
    details: ["reserving 64 MiB to 4 GiB of shared address space failed"],
    fix: "free memory, raise the address-space limit (ulimit -v), or use a WebGPU device",
    cause,
  });
}

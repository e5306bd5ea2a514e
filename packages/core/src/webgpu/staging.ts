import type { Recorder, Use } from "./encoder.ts";
import { type Faults, faultOf } from "./faults.ts";
import { MAP, roundUp, USAGE } from "./flags.ts";
import type { Lifetime } from "./lifetime.ts";

/** Up to here `queue.writeBuffer` is as fast as anything. */
const SMALL_UPLOAD = 64 * 1024;

/** Staging buffers come in two sizes, so that a medium upload does not hold 16 MiB. */
const CHUNKS = [2 ** 20, 2 ** 24] as const;

/** Mapped buffers kept per size; 8 of the large ones hide the copy behind the host's own. */
const KEEP = 8;

/** Bytes on their way at most; beyond, `queue.writeBuffer` takes over, which is slower and keeps its own count. */
const IN_FLIGHT = 2 ** 30;

/** Where bytes go, and the work that it is to get them there. */
interface Target extends Use {
  readonly buffer: GPUBuffer;
  readonly watched: boolean;
}

/** Moves host bytes to GPU buffers in queue order, through mapped staging buffers that come back when their copy is done. */
export class Staging {
  readonly #device: GPUDevice;
  readonly #recorder: Recorder;
  readonly #life: Lifetime;
  readonly #faults: Faults;
  readonly #ready = new Map<number, GPUBuffer[]>(CHUNKS.map((size) => [size, []]));
  readonly #all = new Set<GPUBuffer>();
  #inFlight = 0;
  /** Copies that were recorded so far. */
  #staged = 0;

  constructor(device: GPUDevice, recorder: Recorder, life: Lifetime, faults: Faults) {
    this.#device = device;
    this.#recorder = recorder;
    this.#life = life;
    this.#faults = faults;
  }

  /**
   * `at` is a multiple of 4; up to 3 bytes behind the data are overwritten, which tensors leave room for.
   *
   * @param watched - whether the outcome matters where the queue itself writes
   * @returns whether anything was recorded; the queue has written all of it otherwise
   */
  upload(buffer: GPUBuffer, at: number, data: Uint8Array, { work, doubts }: Use, watched: boolean): boolean {
    const target = { buffer, work, doubts, watched };
    const before = this.#staged;
    const whole = data.byteLength - (data.byteLength % 4);
    if (whole > 0) this.#words(target, at, data.subarray(0, whole));
    if (whole < data.byteLength) {
      const tail = new Uint8Array(4);
      tail.set(data.subarray(whole));
      this.#write(target, at + whole, tail);
    }
    return this.#staged > before;
  }

  /** Bytes that staging holds. */
  get bytes(): number {
    let sum = 0;
    for (const buffer of this.#all) sum += buffer.size;
    return sum;
  }

  /** Gives idle staging buffers back. */
  trim(): void {
    for (const buffers of this.#ready.values()) for (const buffer of buffers.splice(0)) this.#destroy(buffer);
  }

  dispose(): void {
    for (const buffer of this.#all) this.#destroy(buffer);
  }

  #words(target: Target, offset: number, data: Uint8Array): void {
    if (data.byteLength <= SMALL_UPLOAD) {
      this.#write(target, offset, data);
      return;
    }
    const size = data.byteLength <= CHUNKS[0] * 4 ? CHUNKS[0] : CHUNKS[1];
    for (let at = 0; at < data.byteLength; at += size) {
      const part = data.subarray(at, at + size);
      if (this.#inFlight + size > IN_FLIGHT) this.#write(target, offset + at, part);
      else this.#stage(size, target, offset + at, part);
    }
    // Copies start while the host goes on, and their staging buffers come back sooner.
    this.#recorder.submit();
  }

  #stage(size: number, target: Target, offset: number, data: Uint8Array): void {
    const staging = this.#ready.get(size)?.pop() ?? this.#create(size);
    if (!staging) {
      this.#write(target, offset, data);
      return;
    }
    new Uint8Array(staging.getMappedRange()).set(data);
    staging.unmap();
    this.#inFlight += size;
    this.#staged += 1;
    this.#recorder.copy(staging, 0, target.buffer, offset, roundUp(data.byteLength, 4), target);
    this.#recorder.afterSubmit(() => {
      staging.mapAsync(MAP.WRITE).then(
        () => this.#comeBack(size, staging),
        () => this.#destroy(staging),
      );
    });
  }

  #comeBack(size: number, staging: GPUBuffer): void {
    this.#inFlight -= size;
    const ready = this.#ready.get(size);
    if (ready && ready.length < KEEP && !this.#life.ended) ready.push(staging);
    else this.#destroy(staging);
  }

  /** `writeBuffer` acts on the queue at once: recorded work on the same buffer has to go out first. */
  #write(target: Target, offset: number, data: Uint8Array): void {
    const { buffer, work, watched } = target;
    this.#recorder.willWrite(buffer);
    if (this.#recorder.uses(buffer)) this.#recorder.submit();
    const write = (): void => this.#device.queue.writeBuffer(buffer, offset, data as Uint8Array<ArrayBuffer>);
    if (!watched) write();
    else
      this.#faults.watch(
        this.#device,
        ["validation"],
        write,
        (error, filter) => faultOf(error, filter, work.name),
        (fault) => work.settle(fault),
      );
  }

  /** Undefined where there is no room: what is mapped when it is made says so at once. */
  #create(size: number): GPUBuffer | undefined {
    const usage = USAGE.MAP_WRITE | USAGE.COPY_SRC;
    try {
      const buffer = this.#device.createBuffer({ label: "dilated staging", size, usage, mappedAtCreation: true });
      this.#all.add(buffer);
      return buffer;
    } catch {
      return undefined;
    }
  }

  #destroy(buffer: GPUBuffer): void {
    this.#all.delete(buffer);
    buffer.destroy();
  }
}

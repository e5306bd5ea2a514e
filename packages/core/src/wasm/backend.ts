import { coreCount, processorName, whyNoThreads } from "#platform";
import type { Backend, BackendBuffer, BoundCall, DeviceInfo, DeviceLimits } from "../device/backend.ts";
import type { OpenDeviceOptions } from "../device/options.ts";
import { DeviceLostError, OutOfMemoryError } from "../errors/index.ts";
import { OrderedBackend } from "../host-task/ordered-backend.ts";
import { copyKernel } from "../ops/copy.ts";
import type { ProfileDetail, Timer } from "../profile/timing.ts";
import { WallTimer } from "../profile/wall-timer.ts";
import { chooseSimd } from "./features.ts";
import { type Block, Heap, mostOf } from "./heap.ts";
import { InlineQueue } from "./inline-queue.ts";
import { HEAP_START, INLINE_MAX } from "./layout.ts";
import { openMemory, retireMemory, type SharedMemory } from "./memory.ts";
import { Modules } from "./modules.ts";
import { KernelNames, paramWords } from "./params.ts";
import type { Queue, QueueEvents } from "./queue.ts";
import { ThreadedQueue } from "./threaded-queue.ts";
import { loadModules } from "./unpack.ts";

/** A tensor's memory: `bytes` as asked for, in a block of its size class. */
class WasmBuffer implements BackendBuffer {
  readonly bytes: number;
  readonly block: Block;
  /** Behind how many commands nothing that is queued uses the memory. */
  busyUntil: number;
  constructor(bytes: number, block: Block) {
    this.bytes = bytes;
    this.block = block;
    this.busyUntil = block.after;
  }
}

const COPY_ITEM = 65_536;
const MAX_THREADS = 64;
/** A longer read stops the queue for a moment rather than take a copy on the device. */
const SNAPSHOT_MOST = 2 ** 22;
/** Uploads that wait for their turn; whoever uploads more waits, so that memory stays bounded. */
const WAITING_BYTES_MOST = 2 ** 28;

/** Opens the CPU: SIMD kernels in a shared memory, on as many threads as asked for or as there are cores. */
export async function openWasm(options: OpenDeviceOptions, reason: string): Promise<Backend> {
  const tier = chooseSimd(options.simd ?? "auto");
  await loadModules(tier);
  const memory = openMemory();
  const budget = Math.min(options.memoryBudget ?? Number.POSITIVE_INFINITY, mostOf(HEAP_START, memory.maximumPages));
  const backend = new WasmBackend(memory, tier, budget, options);
  await backend.start(options.threads ?? Math.min(MAX_THREADS, coreCount()), reason);
  return new OrderedBackend(backend); // for kernels whose module is imported later
}

class WasmBackend implements Backend {
  info!: DeviceInfo;
  readonly limits: DeviceLimits;
  readonly lost: Promise<Error>;
  readonly #shared: SharedMemory;
  readonly #memory: WebAssembly.Memory;
  readonly #heap: Heap;
  readonly #modules: Modules;
  readonly #kernels = new KernelNames();
  readonly #tier: "simd" | "relaxed-simd";
  readonly #budget: number;
  readonly #poolBytes: number;
  /** Times launches one by one while somebody profiles. */
  #timer: WallTimer | undefined;
  #queue!: Queue;
  #workers = 0;
  #events!: QueueEvents;
  /** Bytes of tensors. */
  #live = 0;
  /** Bytes of copies in `#uploadInTurn`. */
  #waitingBytes = 0;
  /** Blocks that this thread wrote for a command, oldest first; free when the queue has passed `after`. */
  #staged: { block: Block; after: number }[] = [];

  constructor(shared: SharedMemory, tier: "simd" | "relaxed-simd", budget: number, options: OpenDeviceOptions) {
    const { memory, maximumPages } = shared;
    this.#shared = shared;
    this.#memory = memory;
    this.#heap = new Heap(memory, HEAP_START, maximumPages);
    this.#tier = tier;
    this.#budget = budget;
    this.#poolBytes = options.poolBytes ?? budget / 4;
    this.#modules = new Modules(memory, tier, (bytes) => this.#stagingBlock(bytes).address);
    const maxTensorBytes = Math.floor(budget / 16) * 16;
    const maxBindingBytes = Math.floor(Math.min(maxTensorBytes, options.maxBindingBytes ?? maxTensorBytes) / 16) * 16;
    this.limits = {
      maxTensorBytes,
      maxBindingBytes,
      offsetAlign: 16,
      maxWorkgroupMemory: 0,
      maxWorkgroupSize: 1,
      maxKernelTensors: 64,
    };
    this.lost = new Promise((resolve) => {
      this.#events = {
        progress: () => this.#reclaim(),
        lost: resolve,
        kernelName: (id) => this.#kernels.name(id),
      };
    });
  }

  async start(threads: number, reason: string): Promise<void> {
    this.#queue = new InlineQueue(this.#memory, this.#modules, this.#events);
    let why = threads > 1 ? whyNoThreads() : undefined;
    if (threads > 1 && !why) {
      const queue = new ThreadedQueue(this.#memory, threads, {
        ...this.#events,
        lost: (error) => queue === this.#queue && this.#events.lost(error),
      });
      try {
        await queue.start(this.#memory);
        this.#queue = queue;
        this.#workers = threads;
      } catch (error) {
        queue.dispose();
        this.#workers = Number.POSITIVE_INFINITY; // nobody knows when those that did start have left
        why = `workers could not start: ${error instanceof Error ? error.message : String(error)}`;
      }
    }
    this.info = {
      backend: "wasm",
      tier: this.#tier,
      adapter: processorName(),
      threads: this.#queue.threads,
      software: false,
      reason: why ? `${reason}; one thread, because ${why}` : reason,
      features: [],
    };
  }

  allocate(bytes: number): BackendBuffer {
    this.#throwIfLost();
    const block = this.#live + bytes <= this.#budget ? this.#heap.take(bytes) : undefined;
    if (!block) throw this.#outOfMemory(bytes);
    this.#live += bytes;
    this.#heap.trim(Math.max(0, this.#budget - this.#live));
    return new WasmBuffer(bytes, block);
  }

  release(buffer: BackendBuffer): void {
    const { block, bytes } = buffer as WasmBuffer;
    this.#live -= bytes;
    this.#giveBack(block);
  }

  upload(buffer: BackendBuffer, offset: number, data: Uint8Array): void {
    this.#throwIfLost();
    const { block, busyUntil } = buffer as WasmBuffer;
    const target = block.address + offset;
    if (busyUntil <= this.#queue.passed()) {
      new Uint8Array(this.#memory.buffer, target, data.length).set(data);
      return;
    }
    const staged = this.#queue.threads > 1 ? this.#freeBlock(data.length) : undefined;
    if (!staged) return this.#uploadInTurn(buffer, target, data);
    new Uint8Array(this.#memory.buffer, staged.address, data.length).set(data);
    try {
      this.#copyBytes(staged.address, target, data.length);
    } finally {
      this.#staged.push({ block: staged, after: this.#queue.pushed });
    }
    this.#use(buffer);
  }

  async read(buffer: BackendBuffer, offset: number, bytes: number): Promise<Uint8Array> {
    this.#throwIfLost();
    const { block, busyUntil } = buffer as WasmBuffer;
    const bytesAt = (address: number) => new Uint8Array(this.#memory.buffer, address, bytes).slice();
    if (busyUntil <= this.#queue.passed()) {
      this.#throwIfLost(); // what is done by now may have trapped
      return bytesAt(block.address + offset);
    }
    // In queue order: later commands may overwrite the tensor. Threads go on behind a short read, which takes a snapshot on the device.
    const short = this.#queue.threads > 1 && bytes <= SNAPSHOT_MOST;
    const snapshot = short ? this.#heap.take(bytes) : undefined;
    if (!snapshot) {
      const done = this.#queue.inTurn(() => bytesAt(block.address + offset));
      this.#use(buffer);
      return done;
    }
    try {
      this.#copyBytes(block.address + offset, snapshot.address, bytes);
      this.#use(buffer);
      await this.#queue.fence();
      return bytesAt(snapshot.address);
    } finally {
      this.#giveBack(snapshot);
    }
  }

  copy(from: BackendBuffer, fromOffset: number, to: BackendBuffer, toOffset: number, bytes: number): void {
    this.#throwIfLost();
    const source = (from as WasmBuffer).block.address + fromOffset;
    const target = (to as WasmBuffer).block.address + toOffset;
    this.#copyBytes(source, target, bytes);
    this.#use(from);
    this.#use(to);
  }

  run(call: BoundCall): void {
    this.#throwIfLost();
    const { kernel, items, scratchBytes = 0 } = call;
    if (!kernel.wasm) return; // bindCall has refused it
    const words = paramWords(
      kernel,
      call.bound.map((bound) => (bound ? (bound.buffer as WasmBuffer).block.address + bound.offset : 0)),
      call.scalars,
    );
    const { module, fn } = this.#modules.resolve(kernel.wasm);
    const params = words.length > INLINE_MAX ? this.#stagingBlock(words.length * 4) : undefined;
    if (params) new Uint32Array(this.#memory.buffer, params.address, words.length).set(words);
    const stride = Math.ceil(scratchBytes / 64) * 64;
    const scratch = stride > 0 ? this.#heap.take(stride * this.#queue.threads) : undefined;
    if (stride > 0 && !scratch) {
      if (params) this.#giveBack(params);
      throw this.#outOfMemory(stride * this.#queue.threads);
    }
    const timer = this.#timer;
    this.#queue.push({
      module,
      fn,
      kernel: this.#kernels.id(kernel.name),
      items,
      words,
      params: params?.address ?? 0,
      scratch: scratch?.address ?? 0,
      stride,
      timed: timer?.perLaunch ? (began, ended) => timer.note(kernel.name, began, ended) : undefined,
    });
    for (const bound of call.bound) if (bound) this.#use(bound.buffer);
    if (params) this.#staged.push({ block: params, after: this.#queue.pushed });
    if (scratch) this.#giveBack(scratch); // commands run one after another: the next one may have it
  }

  loading({ kernel }: BoundCall): Promise<void> | undefined {
    return kernel.wasm && this.#modules.loading(kernel.wasm);
  }

  async warmup({ kernel }: BoundCall): Promise<void> {
    if (!kernel.wasm) return;
    await this.#modules.loading(kernel.wasm);
    this.#modules.resolve(kernel.wasm);
  }

  sync(): Promise<void> {
    return this.#queue.fence();
  }

  pooledBytes(): number {
    return this.#heap.pooled;
  }

  trim(keepBytes: number): void {
    this.#reclaim();
    this.#heap.trim(keepBytes);
  }

  dispose(): void {
    this.#queue.dispose();
    retireMemory(this.#shared, this.#workers);
  }

  startTiming(detail: ProfileDetail): Timer {
    this.#timer = new WallTimer(detail, () => {
      this.#timer = undefined;
    });
    return this.#timer;
  }

  /** What has been pushed so far may use the buffer. */
  #use(buffer: BackendBuffer): void {
    (buffer as WasmBuffer).busyUntil = this.#queue.pushed;
  }

  #copyBytes(source: number, target: number, bytes: number): void {
    // Overlapping ranges move as one item, in the right order; others are split among the threads.
    const overlap = source < target + bytes && target < source + bytes;
    const grain = overlap ? bytes : COPY_ITEM;
    const words = new Uint32Array([source, target, bytes, grain]);
    const { module, fn } = this.#modules.resolve(copyKernel.wasm);
    this.#queue.push({
      module,
      fn,
      kernel: this.#kernels.id(copyKernel.name),
      items: Math.ceil(bytes / grain),
      words,
      params: 0,
      scratch: 0,
      stride: 0,
    });
  }

  /** This thread writes when it is the buffer's turn, from a copy of the bytes. */
  #uploadInTurn(buffer: BackendBuffer, target: number, data: Uint8Array): void {
    const copy = data.slice();
    this.#waitingBytes += copy.length;
    const written = this.#queue.inTurn(() => {
      this.#waitingBytes -= copy.length;
      new Uint8Array(this.#memory.buffer, target, copy.length).set(copy);
    });
    written.catch(() => {}); // a dead queue tells whoever reads
    this.#use(buffer);
    if (this.#waitingBytes > WAITING_BYTES_MOST) this.#queue.catchUp?.();
  }

  /** A block that this thread may write right now. */
  #stagingBlock(bytes: number): Block {
    let block = this.#freeBlock(bytes);
    if (!block) {
      this.#queue?.catchUp?.();
      block = this.#freeBlock(bytes);
    }
    if (!block) throw this.#outOfMemory(bytes);
    return block;
  }

  #freeBlock(bytes: number): Block | undefined {
    this.#reclaim();
    return this.#heap.take(bytes, this.#queue?.passed() ?? 0);
  }

  #giveBack(block: Block): void {
    this.#heap.give(block, this.#queue.pushed);
    if (this.#heap.pooled > this.#poolBytes) this.#heap.trim(this.#poolBytes / 2);
  }

  #reclaim(): void {
    const passed = this.#queue?.passed() ?? 0;
    let count = 0;
    for (const { block, after } of this.#staged) {
      if (after > passed) break;
      this.#giveBack(block);
      count += 1;
    }
    if (count > 0) this.#staged.splice(0, count);
  }

  #throwIfLost(): void {
    const cause = this.#queue.failure();
    if (cause)
      throw new DeviceLostError(`the WebAssembly device is lost: ${cause.message.split("\n")[0]}`, {
        cause,
        fix: "open a new device",
      });
  }

  /** Bytes of the largest tensor that could be had now. */
  #fits(): number {
    const bytes = Math.min(this.#budget - this.#live, this.#heap.largest());
    return Math.max(0, Math.floor(bytes / 16) * 16);
  }

  #outOfMemory(bytes: number): OutOfMemoryError {
    return new OutOfMemoryError(`out of memory: ${bytes} bytes asked for`, {
      details: [`live ${this.#live} bytes, kept for reuse ${this.#heap.pooled} bytes, budget ${this.#budget} bytes`],
      fix: `dispose of tensors, or ask for at most ${this.#fits()} bytes`,
    });
  }
}

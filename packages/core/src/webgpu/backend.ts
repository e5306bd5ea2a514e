import type { Backend, BackendBuffer, BoundCall, DeviceInfo, DeviceLimits } from "../device/backend.ts";
import type { OpenDeviceOptions } from "../device/options.ts";
import { OutOfMemoryError } from "../errors/index.ts";
import type { GPUBufferLike } from "../foreign/types.ts";
import { PassTimer } from "../profile/pass-timer.ts";
import type { ProfileDetail, Timer } from "../profile/timing.ts";
import { type OpenedGPU, openGPU } from "./adapter.ts";
import { BindGroups } from "./bindgroups.ts";
import { WebGPUBuffer } from "./buffer.ts";
import { Copies } from "./copies.ts";
import { CostModel } from "./cost.ts";
import { checkAliasing, checkGroups, splitGroups } from "./dispatch.ts";
import { Recorder } from "./encoder.ts";
import { Faults, faultOf } from "./faults.ts";
import { TENSOR_USAGE } from "./flags.ts";
import { Lifetime } from "./lifetime.ts";
import { limitsOf } from "./limits.ts";
import { Pipelines } from "./pipelines.ts";
import { type Block, Pool } from "./pool.ts";
import { Readback } from "./readback.ts";
import { Staging } from "./staging.ts";
import { Uniforms } from "./uniforms.ts";
import { doubtful, Work } from "./work.ts";

/** Opens a GPU through WebGPU. Throws DeviceError when there is none that is wanted. */
export async function openWebGPU(options: OpenDeviceOptions, reason: string): Promise<Backend> {
  return new WebGPUBackend(await openGPU(options, reason), options);
}

/** Wires the parts of this folder together; each call below is one line of policy. */
export class WebGPUBackend implements Backend {
  readonly info: DeviceInfo;
  readonly limits: DeviceLimits;
  readonly lost: Promise<Error>;
  readonly #device: GPUDevice;
  readonly #borrowed: boolean;
  readonly #life = new Lifetime();
  readonly #faults = new Faults();
  readonly #cost: CostModel;
  readonly #uniforms: Uniforms;
  readonly #recorder: Recorder;
  readonly #pipelines: Pipelines;
  readonly #groups: BindGroups;
  readonly #pool: Pool;
  readonly #staging: Staging;
  readonly #readback: Readback;
  readonly #copies: Copies;
  #nextForeign = -1;

  constructor(
    { device, info, adapterClass, borrowed }: OpenedGPU,
    options: OpenDeviceOptions,
    tuning: { readonly readChunk?: number } = {},
  ) {
    this.#device = device;
    this.#borrowed = borrowed;
    this.info = info;
    this.limits = limitsOf(device, options);
    this.lost = this.#life.lost;
    this.#cost = new CostModel(adapterClass);
    this.#uniforms = new Uniforms(device);
    this.#recorder = new Recorder(device, this.#uniforms, this.#cost, this.#faults);
    this.#pipelines = new Pipelines(device, this.#faults);
    this.#groups = new BindGroups(device, this.#uniforms.buffer, this.#faults);
    this.#staging = new Staging(device, this.#recorder, this.#life, this.#faults);
    this.#readback = new Readback(device, this.#recorder, this.#life, this.#faults, tuning.readChunk);
    const { memoryBudget } = options;
    this.#pool = new Pool({
      budget: memoryBudget ?? Number.POSITIVE_INFINITY,
      poolBytes: options.poolBytes ?? (memoryBudget === undefined ? undefined : memoryBudget / 4),
      maxBlock: this.limits.maxTensorBytes,
      create: (bytes) => this.#createBuffer(bytes),
      destroy: (block) => this.#destroyBlock(block),
    });
    this.#copies = new Copies(
      this.#recorder,
      this.limits,
      (bytes) => this.allocate(bytes),
      (buffer) => this.release(buffer),
      (call) => this.run(call),
    );
    void device.lost.then((lost) => this.#life.lose(lost));
    // A borrowed device's handler is its owner's; ours only hears what no error scope caught.
    if (!borrowed)
      device.onuncapturederror = ({ error }) => this.#faults.report(faultOf(error, "validation", "webgpu"));
  }

  allocate(bytes: number): WebGPUBuffer {
    this.#life.check();
    const block = this.#pool.allocate(bytes);
    return new WebGPUBuffer(block, bytes, () => this.#expose(block));
  }

  release(buffer: BackendBuffer): void {
    const { block, foreign, owned } = buffer as WebGPUBuffer;
    if (this.#life.ended) return;
    if (!foreign) this.#pool.release(block);
    else if (owned) this.#destroyBlock(block);
    else this.#groups.drop(block);
  }

  adopt(buffer: GPUBufferLike, bytes: number, owned: boolean): WebGPUBuffer {
    this.#life.check();
    const handle = buffer as GPUBuffer;
    const block = { id: this.#nextForeign--, handle, capacity: handle.size, exposed: new Work("fromGPUBuffer") };
    return new WebGPUBuffer(block, bytes, () => this.#expose(block), { foreign: true, owned });
  }

  upload(buffer: BackendBuffer, offset: number, data: Uint8Array): void {
    this.#life.check();
    const to = buffer as WebGPUBuffer;
    const needs = to.needs(!to.covers(offset, data.length));
    const work = new Work("write", needs);
    to.content = work;
    if (work.fault) return;
    const use = { work, doubts: to.needs(false) };
    const recorded = this.#staging.upload(to.block.handle, offset, data, use, needs.length > 0);
    if (!recorded && needs.length === 0) to.content = undefined; // done, and nothing can have gone wrong
  }

  async read(buffer: BackendBuffer, offset: number, bytes: number): Promise<Uint8Array> {
    this.#life.check();
    const from = buffer as WebGPUBuffer;
    const work = new Work("data", from.needs(true));
    // What is recorded and has nothing to do with the tensor must not take the read with it.
    const within = this.#recorder.holds(from.content);
    if (!within) this.#recorder.submit();
    const use = { work, doubts: within ? undefined : from.needs(false) };
    const read = () => this.#readback.read(from.block.handle, offset, bytes, use);
    try {
      if (work.fault) throw work.fault;
      const data = await this.#life.guard(this.#faults.settle(read));
      if (work.fault) throw work.fault;
      return data;
    } catch (error) {
      await this.#life.guard(this.#faults.settle(async () => {}));
      throw work.fault ? this.#faults.told(work.fault) : error;
    }
  }

  copy(from: BackendBuffer, fromOffset: number, to: BackendBuffer, toOffset: number, bytes: number): void {
    this.#life.check();
    this.#copies.copy(from as WebGPUBuffer, fromOffset, to as WebGPUBuffer, toOffset, bytes);
  }

  run(call: BoundCall): void {
    this.#life.check();
    checkGroups(call);
    checkAliasing(call);
    const work = this.#workOf(call);
    if (work.fault) return; // what it writes has failed with what it reads
    const pipeline = this.#pipelines.get(call);
    const group = this.#groups.get(pipeline.layout, call);
    work.add(doubtful(pipeline.made, group.made));
    const pieces = splitGroups(call.groups, this.#cost.pieces(call));
    for (const piece of pieces) {
      this.#recorder.launch(call, pipeline, group, piece, work);
      // Cut because one submission would run too long: each piece goes out on its own.
      if (pieces.length > 1) this.#recorder.submit();
    }
  }

  doubts(buffer: BackendBuffer): boolean {
    return (buffer as WebGPUBuffer).needs(true).length > 0;
  }

  async warmup(call: BoundCall): Promise<void> {
    this.#life.check();
    await this.#life.guard(this.#pipelines.warmup(call));
  }

  flush(): void {
    if (!this.#life.ended) this.#recorder.submit();
  }

  async sync(): Promise<void> {
    this.#life.check();
    await this.#life.guard(this.#faults.settleAll(() => this.#readback.fence()));
  }

  startTiming(detail: ProfileDetail): Timer {
    this.#life.check();
    if (!this.#device.features.has("timestamp-query"))
      return { stop: async () => ({ clock: "none", quantumMs: 0, spans: [] }) };
    const timer = new PassTimer(this.#device, detail, () => {
      this.#recorder.timer = undefined;
    });
    this.#recorder.timer = timer;
    return { stop: () => this.#life.guard(timer.stop()) };
  }

  /** What the caches hold and how often work was sent; for tests and profiles. */
  get counters(): {
    submissions: number;
    pipelines: number;
    bindGroups: number;
    stagingBytes: number;
    flopsPerMs: number;
  } {
    return {
      submissions: this.#recorder.submissions,
      pipelines: this.#pipelines.size,
      bindGroups: this.#groups.size,
      stagingBytes: this.#staging.bytes,
      flopsPerMs: this.#cost.flopsPerMs,
    };
  }

  pooledBytes(): number {
    return this.#pool.pooledBytes;
  }

  trim(keepBytes: number): void {
    this.#pool.trim(keepBytes);
    this.#staging.trim();
    this.#readback.trim();
  }

  dispose(): void {
    if (!this.#life.dispose()) return;
    this.#recorder.discard();
    if (!this.#borrowed) {
      this.#device.destroy();
      return;
    }
    this.#pool.dispose();
    this.#staging.dispose();
    this.#readback.dispose();
    this.#uniforms.dispose();
  }

  /** The user may do anything with the buffer from here on, behind what was queued so far. */
  #expose(block: Block): void {
    this.#life.check();
    this.#recorder.willWrite(block.handle);
    this.#recorder.submit();
    block.exposed ??= new Work("gpuBuffer");
  }

  /** A launch fails with all that it binds, and what it writes with the contents of what it reads. */
  #workOf(call: BoundCall): Work {
    const slots = Object.values(call.kernel.tensors);
    const needs: Work[] = [];
    const written: WebGPUBuffer[] = [];
    call.bound.forEach((tensor, i) => {
      if (!tensor) return;
      const buffer = tensor.buffer as WebGPUBuffer;
      const whole = slots[i]?.access === "write" && buffer.covers(tensor.offset, tensor.bytes);
      needs.push(...buffer.needs(!whole));
      if (slots[i]?.access !== "read") written.push(buffer);
    });
    const work = new Work(call.kernel.name, needs);
    for (const buffer of written) buffer.content = work;
    return work;
  }

  #createBuffer(bytes: number): Pick<Block, "handle" | "made"> {
    const made = new Work("tensor");
    const handle = this.#faults.watch(
      this.#device,
      ["out-of-memory", "validation"], // the size is within the limits
      () => this.#device.createBuffer({ label: "dilated tensor", size: bytes, usage: TENSOR_USAGE }),
      () =>
        new OutOfMemoryError(`the GPU has no room for a tensor of ${bytes} bytes`, {
          details: [`live: ${this.#pool.liveBytes} bytes`, `pooled: ${this.#pool.pooledBytes} bytes`],
          fix: "dispose of tensors (device.scope), use f16, checkpoint, or set memoryBudget to what the GPU has",
        }),
      (fault) => {
        const fresh = made.settle(fault);
        if (fault) this.#pool.trim(0); // that buffer, if it has come back, and what the next one can have the room of
        return fresh;
      },
    );
    return { handle, made };
  }

  /** Recorded work that uses the buffer goes out first: submitting it with a destroyed buffer would fail. */
  #destroyBlock(block: Block): void {
    if (!this.#life.ended) {
      this.#recorder.willWrite(block.handle);
      if (this.#recorder.uses(block.handle)) this.#recorder.submit();
    }
    this.#groups.drop(block);
    block.handle.destroy();
  }
}

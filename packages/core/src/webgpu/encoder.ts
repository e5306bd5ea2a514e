import type { BoundCall } from "../device/backend.ts";
import type { DilatedError } from "../errors/index.ts";
import type { PassTimer } from "../profile/pass-timer.ts";
import type { BindGroup } from "./bindgroups.ts";
import type { WebGPUBuffer } from "./buffer.ts";
import { BUDGET_MS, type CostModel } from "./cost.ts";
import type { Piece } from "./dispatch.ts";
import { type Faults, faultOf, worstOf } from "./faults.ts";
import type { Pipeline } from "./pipelines.ts";
import type { Uniforms } from "./uniforms.ts";
import { doubtful, type Work } from "./work.ts";

/** Launches in one submission at most. */
export const BATCH = 64;

/** And in the first one behind a wait: the GPU has nothing to do meanwhile. Each may have twice as many as the one before. */
const FIRST_BATCH = 8;

/** What is recorded for some work. */
export interface Use {
  readonly work: Work;
  /** What it uses that is not known to be good; undefined for what goes with whatever is recorded. */
  readonly doubts: readonly Work[] | undefined;
}

/**
 * Records launches and copies in one command encoder (launches in one compute pass), and submits them in batches: an encoder each costs
 * seven times as much GPU time as a launch in an open pass.
 */
export class Recorder {
  readonly #device: GPUDevice;
  readonly #uniforms: Uniforms;
  readonly #cost: CostModel;
  readonly #faults: Faults;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #pipeline: GPUComputePipeline | undefined;
  #launches = 0;
  #most = FIRST_BATCH;
  #ms = 0;
  #flops = 0;
  #touched = new Set<GPUBuffer>();
  #works = new Set<Work>();
  /** What of what is recorded is not known to be good. */
  #doubts: readonly Work[] = [];
  readonly #readers = new Map<GPUBuffer, Set<() => void>>();
  #afterSubmit: (() => void)[] = [];
  /** Times passes while somebody profiles. */
  timer: PassTimer | undefined;
  /** Submissions so far. */
  submissions = 0;

  constructor(device: GPUDevice, uniforms: Uniforms, cost: CostModel, faults: Faults) {
    this.#device = device;
    this.#uniforms = uniforms;
    this.#cost = cost;
    this.#faults = faults;
  }

  /** Calls `before` ahead of the next work that overwrites or destroys `buffer`: a read of it is still under way. */
  protect(buffer: GPUBuffer, before: () => void): void {
    const readers = this.#readers.get(buffer);
    if (readers) readers.add(before);
    else this.#readers.set(buffer, new Set([before]));
  }

  unprotect(buffer: GPUBuffer, before: () => void): void {
    const readers = this.#readers.get(buffer);
    readers?.delete(before);
    if (readers?.size === 0) this.#readers.delete(buffer);
  }

  /** To be called before `buffer` changes. */
  willWrite(buffer: GPUBuffer): void {
    if (this.#readers.size === 0) return;
    for (const before of this.#readers.get(buffer) ?? []) before();
  }

  /** Whether recorded work that is not submitted yet uses `buffer`: the queue's own writes would overtake it. */
  uses(buffer: GPUBuffer): boolean {
    return this.#touched.has(buffer);
  }

  /** Whether `work` is recorded and not submitted yet. */
  holds(work: Work | undefined): boolean {
    return work !== undefined && this.#works.has(work);
  }

  launch(call: BoundCall, pipeline: Pipeline, group: BindGroup, piece: Piece, work: Work): void {
    if (this.#readers.size > 0) this.#announceWrites(call);
    const share = (piece.end - piece.begin) / call.groups;
    const ms = this.#cost.estimate(call) * share;
    if (this.#launches >= this.#most || this.#uniforms.full || (this.#launches > 0 && this.#ms + ms > BUDGET_MS))
      this.submit();
    this.#begin({ work, doubts: doubtsOf(call, pipeline, group) });
    if (this.timer?.perLaunch) this.#closePass();
    const pass = this.#openPass(call.kernel.name);
    if (this.#pipeline !== pipeline.handle) pass.setPipeline(pipeline.handle);
    this.#pipeline = pipeline.handle;
    pass.setBindGroup(0, group.handle, [this.#uniforms.put(call, piece)]);
    pass.dispatchWorkgroups(...piece.fold);
    for (const tensor of call.bound) if (tensor) this.#touched.add((tensor.buffer as WebGPUBuffer).block.handle);
    this.#launches += 1;
    this.#ms += ms;
    this.#flops += (call.flops ?? 0) * share;
  }

  /**
   * Offsets and bytes are multiples of 4.
   *
   * @param use - the work that the copy is, and what of both buffers is not known to be good; left out where nobody
   * minds whether it is made
   */
  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number, use?: Use): void {
    this.willWrite(to);
    if (use) this.#begin(use);
    this.#closePass();
    this.#open().copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
    this.#touched.add(from).add(to);
  }

  /** Runs `work` behind the submission that what is recorded now goes out with. */
  afterSubmit(work: () => void): void {
    this.#afterSubmit.push(work);
  }

  /** Sends everything recorded. */
  submit(): void {
    if (!this.#encoder) return;
    const encoder = this.#encoder;
    const works = [...this.#works];
    this.#faults.watch(
      this.#device,
      ["validation", "internal", "out-of-memory"],
      () => {
        this.#closePass();
        this.#uniforms.upload();
        this.#device.queue.submit([encoder.finish()]);
      },
      (error, filter) => faultOf(error, filter, namesOf(works)),
      (fault) => settleAll(works, fault),
    );
    this.submissions += 1;
    this.#most = Math.min(2 * this.#most, BATCH);
    const work = this.#afterSubmit;
    this.#measure();
    this.#forget();
    for (const each of work) each();
  }

  /** Somebody has waited for the GPU, which now has little or nothing to do. */
  waited(): void {
    this.#most = FIRST_BATCH;
  }

  /** Drops what is recorded, for a device that has ended. */
  discard(): void {
    this.#forget();
  }

  /**
   * What WebGPU refuses of a submission it refuses as a whole; so only what stands or falls with the same things goes
   * out together.
   */
  #begin({ work, doubts = this.#doubts }: Use): void {
    const same = doubts.length === this.#doubts.length && doubts.every((doubt) => this.#doubts.includes(doubt));
    if (!same) this.submit();
    this.#doubts = doubts;
    this.#works.add(work);
  }

  #forget(): void {
    this.#encoder = undefined;
    this.#pass = undefined;
    this.#pipeline = undefined;
    this.#launches = 0;
    this.#ms = 0;
    this.#flops = 0;
    this.#touched = new Set();
    this.#works = new Set();
    this.#doubts = [];
    this.#afterSubmit = [];
  }

  /** Teaches the cost model, where arithmetic is most of the submission. */
  #measure(): void {
    const flops = this.#flops;
    if (flops / this.#cost.flopsPerMs < Math.max(1, this.#ms / 2)) return;
    const submitted = performance.now();
    this.#device.queue.onSubmittedWorkDone().then(
      () => this.#cost.observe(flops, submitted, performance.now()),
      () => {}, // the device ended, which is told elsewhere
    );
  }

  #announceWrites(call: BoundCall): void {
    const slots = Object.values(call.kernel.tensors);
    call.bound.forEach((tensor, i) => {
      if (tensor && slots[i]?.access !== "read") this.willWrite((tensor.buffer as WebGPUBuffer).block.handle);
    });
  }

  #open(): GPUCommandEncoder {
    this.#encoder ??= this.#device.createCommandEncoder({ label: "dilated" });
    return this.#encoder;
  }

  #openPass(kernel: string): GPUComputePassEncoder {
    this.#pass ??= this.#open().beginComputePass(this.timer && { timestampWrites: this.timer.nextPass(kernel) });
    return this.#pass;
  }

  #closePass(): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#pipeline = undefined;
  }
}

/** What a launch uses that is not known to be good; what its tensors hold changes nothing about whether it can run. */
function doubtsOf(call: BoundCall, pipeline: Pipeline, group: BindGroup): Work[] {
  const buffers = call.bound.flatMap((tensor) => (tensor ? (tensor.buffer as WebGPUBuffer).needs(false) : []));
  return [...new Set([...doubtful(pipeline.made, group.made), ...buffers])];
}

/**
 * A submission that was refused wrote nothing. Whose pipeline or buffer is to blame knows why, and then the others of
 * it know, too.
 */
function settleAll(works: readonly Work[], fault: DilatedError | undefined): DilatedError | undefined {
  const cause = fault && worstOf(works.map((work) => work.inherit()));
  for (const work of works) work.settle(cause ?? fault);
  return cause ? undefined : fault;
}

/** The first kernels of a submission, for messages. */
function namesOf(works: readonly Work[]): string {
  const names = [...new Set(works.map(({ name }) => name))];
  return names.slice(0, 3).join(", ") + (names.length > 3 ? " and others" : "");
}

import type { BoundCall, DeviceLimits } from "../device/backend.ts";
import { defineKernel } from "../kernel/define.ts";
import type { WebGPUBuffer } from "./buffer.ts";
import type { Recorder } from "./encoder.ts";
import { Work } from "./work.ts";

/** Copies bytes at any even offset: WebGPU's own copy moves whole words, and an odd number of f16 is half a word off. */
const copyHalves = defineKernel({
  name: "copy halves",
  tensors: {
    source: { access: "read", view: "raw", dtype: "u32" },
    into: { access: "read_write", view: "raw", dtype: "u32" },
  },
  // Counted in halves, from the start of the windows.
  scalars: { source_at: "u32", into_at: "u32", count: "u32" },
  wgsl: {
    source: /* wgsl */ `
fn half(i: u32) -> u32 { return (source[i >> 1u] >> ((i & 1u) * 16u)) & 0xffffu; }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  // One thread owns one word of the target, so that neighbours never write the same word.
  let word = (params.into_at >> 1u) + group_index(w) * 64u + lane;
  let begin = max(word * 2u, params.into_at);
  let end = min(word * 2u + 2u, params.into_at + params.count);
  if (begin >= end) { return; }
  var value = into[word];
  for (var i = begin; i < end; i++) {
    let shift = (i & 1u) * 16u;
    value = (value & ~(0xffffu << shift)) | (half(params.source_at + i - params.into_at) << shift);
  }
  into[word] = value;
}`,
  },
});

/** Buffer-to-buffer copies in queue order, also within one buffer and at half-word offsets. */
export class Copies {
  readonly #recorder: Recorder;
  readonly #limits: DeviceLimits;
  readonly #allocate: (bytes: number) => WebGPUBuffer;
  readonly #release: (buffer: WebGPUBuffer) => void;
  readonly #run: (call: BoundCall) => void;

  constructor(
    recorder: Recorder,
    limits: DeviceLimits,
    allocate: (bytes: number) => WebGPUBuffer,
    release: (buffer: WebGPUBuffer) => void,
    run: (call: BoundCall) => void,
  ) {
    this.#recorder = recorder;
    this.#limits = limits;
    this.#allocate = allocate;
    this.#release = release;
    this.#run = run;
  }

  copy(from: WebGPUBuffer, fromOffset: number, to: WebGPUBuffer, toOffset: number, bytes: number): void {
    if (from.block === to.block) {
      // WebGPU copies only between two buffers.
      const between = this.#allocate(Math.ceil(bytes / 16) * 16);
      this.copy(from, fromOffset, between, 0, bytes);
      this.copy(between, 0, to, toOffset, bytes);
      this.#release(between);
      return;
    }
    if (fromOffset % 4 === 0 && toOffset % 4 === 0 && bytes % 4 === 0) {
      const whole = to.covers(toOffset, bytes);
      const work = new Work("copy", [...from.needs(true), ...to.needs(!whole)]);
      to.content = work;
      if (work.fault) return;
      const doubts = [...from.needs(false), ...to.needs(false)];
      this.#recorder.copy(from.block.handle, fromOffset, to.block.handle, toOffset, bytes, { work, doubts });
      return;
    }
    const { offsetAlign, maxBindingBytes } = this.#limits;
    const most = Math.max(4, maxBindingBytes - offsetAlign);
    for (let at = 0; at < bytes; at += most)
      this.#halves(from, fromOffset + at, to, toOffset + at, Math.min(most, bytes - at));
  }

  #halves(from: WebGPUBuffer, fromOffset: number, to: WebGPUBuffer, toOffset: number, bytes: number): void {
    const source = this.#window(from, fromOffset, bytes);
    const target = this.#window(to, toOffset, bytes);
    const scalars = { source_at: source.inside / 2, into_at: target.inside / 2, count: bytes / 2 };
    const groups = Math.ceil((bytes / 2 + 1) / 2 / 64);
    this.#run({ kernel: copyHalves, bound: [source.tensor, target.tensor], scalars, groups, items: 0 });
  }

  /** The aligned window around `bytes` at `offset`, and where in it they start. */
  #window(
    buffer: WebGPUBuffer,
    offset: number,
    bytes: number,
  ): { readonly tensor: NonNullable<BoundCall["bound"][number]>; readonly inside: number } {
    const inside = offset % this.#limits.offsetAlign;
    const start = offset - inside;
    const length = Math.min(Math.ceil((inside + bytes) / 16) * 16, buffer.bytes - start);
    return { tensor: { buffer, dtype: "u32", offset: start, bytes: length }, inside };
  }
}

import type { BoundCall } from "../device/backend.ts";
import type { WebGPUBuffer } from "./buffer.ts";
import { type Faults, faultOf } from "./faults.ts";
import type { SlotLayout } from "./layouts.ts";
import type { Block } from "./pool.ts";
import { SLOT_BYTES } from "./uniforms.ts";
import { Work } from "./work.ts";

/** Groups kept at most. A training step uses some hundreds, again and again, because the pool gives it the same buffers. */
const MAX_GROUPS = 4_096;

/** A bind group, and whether it could be made. */
export interface BindGroup {
  readonly handle: GPUBindGroup;
  readonly made: Work;
}

/** Bind groups by layout and windows; making one costs five times a launch. Least recently used out first. */
export class BindGroups {
  readonly #device: GPUDevice;
  readonly #params: GPUBuffer;
  readonly #faults: Faults;
  readonly #groups = new Map<string, BindGroup>();
  readonly #keysOf = new Map<number, Set<string>>();

  constructor(device: GPUDevice, params: GPUBuffer, faults: Faults) {
    this.#device = device;
    this.#params = params;
    this.#faults = faults;
  }

  get size(): number {
    return this.#groups.size;
  }

  get(layout: SlotLayout, call: BoundCall): BindGroup {
    let key = String(layout.id);
    for (const tensor of call.bound) {
      if (tensor) key += `|${(tensor.buffer as WebGPUBuffer).block.id}:${tensor.offset}:${tensor.bytes}`;
    }
    const known = this.#groups.get(key);
    if (known) {
      // A Map iterates in insertion order: putting it back makes it the youngest.
      this.#groups.delete(key);
      this.#groups.set(key, known);
      return known;
    }
    if (this.#groups.size >= MAX_GROUPS) this.#evict();
    const group = this.#create(layout, call, key);
    this.#groups.set(key, group);
    return group;
  }

  /** Drops the groups that hold a buffer that is destroyed. */
  drop(block: Block): void {
    for (const key of this.#keysOf.get(block.id) ?? []) this.#groups.delete(key);
    this.#keysOf.delete(block.id);
  }

  #create(layout: SlotLayout, call: BoundCall, key: string): BindGroup {
    const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: { buffer: this.#params, size: SLOT_BYTES } }];
    call.bound.forEach((tensor, i) => {
      if (!tensor) return;
      const { block } = tensor.buffer as WebGPUBuffer;
      entries.push({ binding: i + 1, resource: { buffer: block.handle, offset: tensor.offset, size: tensor.bytes } });
      const keys = this.#keysOf.get(block.id);
      if (keys) keys.add(key);
      else this.#keysOf.set(block.id, new Set([key]));
    });
    const { name } = call.kernel;
    const buffers = call.bound.flatMap((tensor) => (tensor ? (tensor.buffer as WebGPUBuffer).needs(false) : []));
    const made = new Work(name, buffers);
    const handle = this.#faults.watch(
      this.#device,
      ["validation"],
      () => this.#device.createBindGroup({ label: name, layout: layout.group, entries }),
      (error, filter) => faultOf(error, filter, name),
      (fault) => {
        if (fault && this.#groups.get(key)?.made === made) this.#groups.delete(key);
        return made.settle(fault);
      },
    );
    return { handle, made };
  }

  #evict(): void {
    const [key] = this.#groups.keys();
    if (key === undefined) return;
    this.#groups.delete(key);
    for (const part of key.split("|").slice(1)) this.#keysOf.get(Number.parseInt(part, 10))?.delete(key);
  }
}

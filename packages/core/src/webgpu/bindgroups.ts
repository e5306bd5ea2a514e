import type { BoundCall } from "../device/backend.ts";
import type { WebGPUBuffer } from "./buffer.ts";
import { type Faults, validationFault } from "./faults.ts";
import type { SlotLayout } from "./layouts.ts";
import type { Block } from "./pool.ts";
import { SLOT_BYTES } from "./uniforms.ts";

/** Groups kept at most. A training step uses some hundreds, again and again, because the pool gives it the same buffers. */
const MAX_GROUPS = 4_096;

/** Bind groups by layout and windows; making one costs five times a launch. Least recently used out first. */
export class BindGroups {
  readonly #device: GPUDevice;
  readonly #params: GPUBuffer;
  readonly #faults: Faults;
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #keysOf = new Map<number, Set<string>>();

  constructor(device: GPUDevice, params: GPUBuffer, faults: Faults) {
    this.#device = device;
    this.#params = params;
    this.#faults = faults;
  }

  get size(): number {
    return this.#groups.size;
  }

  get(layout: SlotLayout, call: BoundCall): GPUBindGroup {
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

  #create(layout: SlotLayout, call: BoundCall, key: string): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: { buffer: this.#params, size: SLOT_BYTES } }];
    call.bound.forEach((tensor, i) => {
      if (!tensor) return;
      const { block } = tensor.buffer as WebGPUBuffer;
      entries.push({ binding: i + 1, resource: { buffer: block.handle, offset: tensor.offset, size: tensor.bytes } });
      const keys = this.#keysOf.get(block.id);
      if (keys) keys.add(key);
      else this.#keysOf.set(block.id, new Set([key]));
    });
    return this.#faults.watch(
      this.#device,
      ["validation"],
      () => this.#device.createBindGroup({ label: call.kernel.name, layout: layout.group, entries }),
      (error) => validationFault(error, call.kernel.name),
    );
  }

  #evict(): void {
    const [key] = this.#groups.keys();
    if (key === undefined) return;
    this.#groups.delete(key);
    for (const part of key.split("|").slice(1)) this.#keysOf.get(Number.parseInt(part, 10))?.delete(key);
  }
}

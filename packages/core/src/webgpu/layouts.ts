import { COMPUTE } from "./flags.ts";
import { SLOT_BYTES } from "./uniforms.ts";

/** Layout of a kernel's one bind group: `params` at 0 with a dynamic offset, then its tensors. */
export interface SlotLayout {
  readonly id: number;
  readonly group: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
}

/** Explicit layouts, shared by all kernels that bind alike: "auto" would drop unused bindings and make every pipeline's groups its own. */
export class Layouts {
  readonly #device: GPUDevice;
  readonly #known = new Map<string, SlotLayout>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** `writes` has one entry a slot: undefined for an absent tensor, else whether the kernel writes it. */
  get(writes: readonly (boolean | undefined)[]): SlotLayout {
    const key = writes.map((write) => (write === undefined ? "-" : write ? "w" : "r")).join("");
    const known = this.#known.get(key);
    if (known) return known;
    const entries: GPUBindGroupLayoutEntry[] = [
      {
        binding: 0,
        visibility: COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: SLOT_BYTES },
      },
    ];
    writes.forEach((write, i) => {
      if (write !== undefined)
        entries.push({
          binding: i + 1,
          visibility: COMPUTE,
          buffer: { type: write ? "storage" : "read-only-storage" },
        });
    });
    const group = this.#device.createBindGroupLayout({ label: `dilated ${key}`, entries });
    const layout = {
      id: this.#known.size,
      group,
      pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [group] }),
    };
    this.#known.set(key, layout);
    return layout;
  }
}

import { cast, type Device, type KernelCall, type KernelDefinition, Tensor, type TensorArgument } from "@dilated/core";
import { forEachBlock } from "./blocks.ts";
import { flatLaunch } from "./launch.ts";

/**
 * Queues a kernel whose WebAssembly body takes f32 only: on that backend f16 tensors are read and written through f32 copies. (WGSL reads f16 by
 * itself.) Tensors must be whole there, which they are: only WebGPU has bindings shorter than a tensor.
 */
export function launch<T extends string, P extends string>(device: Device, kernel: KernelDefinition<T, P>, call: KernelCall<T, P>): void {
  const given = Object.entries<TensorArgument | undefined>(call.tensors);
  const halves = given.flatMap(([name, tensor]) => (tensor instanceof Tensor && tensor.dtype === "f16" ? [{ name: name as T, tensor }] : []));
  if (device.info.backend === "webgpu" || halves.length === 0) return device.run(kernel, call);
  device.scope(() => {
    const wide = halves.map(({ name, tensor }) => {
      const writes = kernel.tensors[name].access !== "read";
      return { name, tensor, writes, copy: writes ? device.empty(tensor.shape, { label: tensor.label }) : cast(tensor, "f32") };
    });
    device.run(kernel, { ...call, tensors: { ...call.tensors, ...Object.fromEntries(wide.map(({ name, copy }) => [name, copy])) } });
    for (const { tensor, writes, copy } of wide) {
      if (writes) device.copy(cast(copy, "f16"), tensor);
    }
  });
}

/** How a flat kernel is run. */
export interface FlatCall<T extends string, P extends string> {
  /** Tensors of one size, which the kernel walks together, in groups of four. */
  readonly tensors: Readonly<Partial<Record<T, Tensor | undefined>>>;
  /** Tensors that every launch sees whole. */
  readonly shared?: Readonly<Partial<Record<T, Tensor | undefined>>>;
  /** Scalars of the launch over `length` elements from `offset` on; `quads` is added. */
  readonly scalars: (offset: number, length: number) => Readonly<Record<Exclude<P, "quads">, number>>;
  /** WebAssembly: private bytes each thread needs. @defaultValue 0 */
  readonly scratchBytes?: number;
}

/** Runs a flat kernel over windows that fit a binding; see `flatLaunch` for what its body sees. */
export function runFlat<T extends string, P extends string>(device: Device, kernel: KernelDefinition<T, P>, call: FlatCall<T, P>): void {
  const entries = Object.entries<Tensor | undefined>(call.tensors);
  const size = entries.find(([, tensor]) => tensor)?.[1]?.size ?? 0;
  forEachBlock(kernel.name, device, size, entries.map(([, tensor]) => [tensor, 1] as const), ({ first, count, of }) => {
    const { quads, ...sizes } = flatLaunch(count);
    const windows = Object.fromEntries(entries.map(([name, tensor]) => [name, of(tensor, 1)]));
    launch(device, kernel, {
      tensors: { ...windows, ...call.shared } as Record<T, TensorArgument | undefined>,
      scalars: { quads, ...call.scalars(first, count) } as Readonly<Record<P, number>>,
      scratchBytes: call.scratchBytes ?? 0,
      ...sizes,
    });
  });
}

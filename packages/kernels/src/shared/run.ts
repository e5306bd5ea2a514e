import { cast, type Device, type KernelCall, type KernelDefinition, Tensor, type TensorArgument } from "@dilated/core";
import { fitsBinding, forEachBlock } from "./blocks.ts";
import { flatLaunch } from "./launch.ts";

/** Queues a kernel whose WebAssembly body takes f32 only: on that backend f16 tensors are read and written through f32 copies. */
export function launch<T extends string, P extends string>(
  device: Device,
  kernel: KernelDefinition<T, P>,
  call: KernelCall<T, P>,
): void {
  const halves = Object.entries<TensorArgument | undefined>(call.tensors).flatMap(([name, argument]) => {
    if (!argument) return [];
    const whole = argument instanceof Tensor;
    const part = whole ? { tensor: argument, offset: 0, length: argument.size } : argument;
    return part.tensor.dtype === "f16"
      ? [{ name: name as T, ...part, writes: kernel.tensors[name as T].access !== "read" }]
      : [];
  });
  if (device.info.backend === "webgpu" || halves.length === 0) {
    device.run(kernel, call);
    return;
  }
  device.scope(() => {
    const wide = halves.map((half) => ({
      ...half,
      copy: half.writes ? device.empty([half.length]) : widened(half.tensor, half.offset, half.length),
    }));
    device.run(kernel, {
      ...call,
      tensors: { ...call.tensors, ...Object.fromEntries(wide.map(({ name, copy }) => [name, copy])) },
    });
    for (const { tensor, offset, writes, copy } of wide) {
      if (writes) device.copy(cast(copy, "f16"), tensor, { to: offset });
    }
  });
}

/** Part of an f16 tensor, as f32. */
function widened(tensor: Tensor, offset: number, length: number): Tensor {
  if (length === tensor.size) return cast(tensor, "f32");
  const part = tensor.device.empty([length], { dtype: "f16" });
  tensor.device.copy(tensor, part, { from: offset, count: length });
  return cast(part, "f32");
}

/** How a flat kernel is run. */
export interface FlatCall<T extends string, P extends string> {
  /** Tensors of one size, or of multiples of `period`, which the kernel walks together, in groups of four. */
  readonly tensors: Readonly<Partial<Record<T, Tensor | undefined>>>;
  /**
   * Elements after which those that are shorter than the longest start anew. @defaultValue their size: they are alike
   */
  readonly period?: number;
  /** Tensors that every launch sees whole. */
  readonly shared?: Readonly<Partial<Record<T, Tensor | undefined>>>;
  /** Scalars of the launch over `length` elements from `offset` on; `quads` is added. */
  readonly scalars: (offset: number, length: number) => Readonly<Record<Exclude<P, "quads">, number>>;
  /** WebAssembly: private bytes each thread needs. @defaultValue 0 */
  readonly scratchBytes?: number;
}

/** Runs a flat kernel over windows that fit a binding; see `flatLaunch` for what its body sees. */
export function runFlat<T extends string, P extends string>(
  device: Device,
  kernel: KernelDefinition<T, P>,
  call: FlatCall<T, P>,
): void {
  const entries = Object.entries<Tensor | undefined>(call.tensors);
  const size = Math.max(0, ...entries.map(([, tensor]) => tensor?.size ?? 0));
  const { period = size } = call;
  const cut = entries.map(([, tensor]) => [tensor, 1] as const);
  for (let start = 0; start < size; start += period) {
    forEachBlock(kernel.name, device, period, cut, ({ first, count, of }) => {
      const { quads, ...sizes } = flatLaunch(count);
      const windows = Object.fromEntries(
        entries.map(([name, tensor]) => [name, of(tensor, 1, tensor && start % tensor.size)]),
      );
      launch(device, kernel, {
        tensors: { ...windows, ...call.shared } as Record<T, TensorArgument | undefined>,
        scalars: { quads, ...call.scalars(start + first, count) } as Readonly<Record<P, number>>,
        scratchBytes: call.scratchBytes ?? 0,
        ...sizes,
      });
    });
  }
}

/**
 * After how many elements the shortest of those tensors starts anew that are longer than a binding, and so have to be
 * cut like the result of `size` elements: each is the last axes of the next longer one. `size` where there is none.
 */
export function periodOf(device: Device, size: number, tensors: readonly (Tensor | undefined)[]): number {
  const long = tensors.filter((tensor) => tensor && !fitsBinding(device, tensor));
  return Math.min(size, ...long.map((tensor) => tensor?.size ?? size));
}

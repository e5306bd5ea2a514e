import { checkArgument, checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import type { Device } from "../device/device.ts";
import type { TensorArgument } from "../kernel/definition.ts";
import { BYTES } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";

const ARGUMENTS = { device: field.device(), tensors: field.list(field.tensor(), 1), work: field.func() };
const NOTHING = field.custom(
  "nothing",
  (value) => typeof (value as { then?: unknown } | undefined)?.then !== "function",
);

/** A flat range of elements, the same in every tensor of an elementwise call. */
export interface FlatWindow {
  /** Elements. */
  readonly offset: number;
  /** Elements, at least 1. */
  readonly length: number;
  /** Groups of four elements: what a kernel with `vec4` views counts. */
  readonly quads: number;
  /** This range of `tensor`. */
  of(tensor: Tensor): TensorArgument;
}

/**
 * Runs `work` over windows of tensors of one size, each short enough for one binding and aligned as the device wants.
 * A tensor that fits one binding is one window; one that does not (2 GiB on most GPUs, 128 MiB on small ones) is several.
 */
export function forEachWindow(device: Device, tensors: readonly Tensor[], work: (window: FlatWindow) => void): void {
  checkCall("forEachWindow", ARGUMENTS, arguments);
  const size = tensors[0]?.size ?? 0;
  const width = Math.max(...tensors.map((tensor) => BYTES[tensor.dtype]));
  const { maxBindingBytes, offsetAlign } = device.limits;
  // The narrowest element is two bytes: a multiple of this many elements is aligned in every tensor.
  const step = Math.max(8, offsetAlign / 2);
  const most = Math.max(step, Math.floor(maxBindingBytes / width / step) * step);
  for (let offset = 0; offset < size; offset += most) {
    const start = offset;
    const length = Math.min(most, size - start);
    const of = (tensor: Tensor): TensorArgument => (length === size ? tensor : { tensor, offset: start, length });
    const result: unknown = work({ offset, length, quads: Math.ceil(length / 4), of });
    if (result !== undefined) checkArgument("forEachWindow", "what work returns", NOTHING, result);
  }
}

/** Groups of four elements that one WebAssembly work item does: 16 KiB of f32, enough to make claiming an item cheap. */
export const ITEM_QUADS = 1024;
/** Invocations of the flat WGSL kernels of this package, one group of four elements each. */
export const WORKGROUP = 256;

/** Launch sizes of a flat kernel over `quads` groups of four elements. */
export function flatLaunch(quads: number): { groups: number; items: number } {
  return { groups: Math.ceil(quads / WORKGROUP), items: Math.ceil(quads / ITEM_QUADS) };
}

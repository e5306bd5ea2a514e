import { BYTES, type Device, LimitError, type Tensor, type TensorArgument } from "@dilated/core";

/** A run of blocks that one launch does. */
export interface BlockWindow {
  readonly first: number;
  readonly count: number;
  /** These blocks of a tensor that has `unit` elements a block, the first one from element `base` on. */
  of(tensor: Tensor | undefined, unit: number, base?: number): TensorArgument | undefined;
}

/** What is cut: a tensor, or one that is still to be made; and its elements a block. */
export type Cut = readonly [Pick<Tensor, "dtype" | "device"> | undefined, unit: number];

/** Window offsets that are multiples of this many elements are aligned in every dtype: 256 bytes of f16. */
const ALIGN = 128;

/**
 * Runs `work` over windows of `total` blocks (rows, say) that cannot be cut, each window short enough for one binding.
 * Windows start at aligned places where enough blocks fit, and else anywhere: those the device copies.
 *
 * @param tensors - the tensors that are cut, each with its elements a block
 * @throws LimitError when a block alone is longer than one binding.
 */
export function forEachBlock(
  caller: string,
  device: Device,
  total: number,
  tensors: readonly Cut[],
  work: (window: BlockWindow) => void,
): void {
  const most = blocksAtOnce(caller, device, total, tensors);
  for (let first = 0; first < total; first += most) {
    const start = first;
    const count = Math.min(most, total - start);
    const of: BlockWindow["of"] = (tensor, unit, base = 0) =>
      tensor && (count * unit === tensor.size ? tensor : { tensor, offset: base + start * unit, length: count * unit });
    work({ first, count, of });
  }
}

/** Blocks that fit a binding of each tensor; 0 where not even one does. */
export function blocksThatFit(device: Device, tensors: readonly Cut[]): number {
  const bytes = tensors.map(([tensor, unit]) => (tensor ? unit * widthOf(tensor) : 0));
  return Math.floor(device.limits.maxBindingBytes / Math.max(1, ...bytes));
}

/** Whether a kernel can be given all of a tensor; WebAssembly binds nothing. */
export function fitsBinding({ info, limits }: Device, { byteLength }: Pick<Tensor, "byteLength">): boolean {
  return info.backend === "wasm" || byteLength <= limits.maxBindingBytes;
}

/** Bytes of an element as a kernel sees it: WebAssembly bodies see f16 as f32 (see `launch`). */
function widthOf({ dtype, device }: Pick<Tensor, "dtype" | "device">): number {
  return dtype === "f16" && device.info.backend === "wasm" ? BYTES.f32 : BYTES[dtype];
}

function blocksAtOnce(caller: string, device: Device, total: number, tensors: readonly Cut[]): number {
  const fit = blocksThatFit(device, tensors);
  if (fit >= total) return Math.max(1, total);
  const units = tensors.flatMap(([tensor, unit]) => (tensor ? [unit] : []));
  const step = Math.max(...units.map((unit) => ALIGN / gcd(unit, ALIGN))); // powers of two: the largest is a multiple of all
  if (fit >= step) return Math.floor(fit / step) * step;
  if (device.info.backend === "wasm") return total; // it binds nothing, and takes them whole
  if (fit > 0) return fit;
  throw new LimitError(`${caller}: ${Math.max(...units)} elements that belong together are longer than one binding`, {
    details: [`largest binding ${device.limits.maxBindingBytes} bytes`],
    fix: "use f16, or a device of longer bindings",
  });
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

import { BYTES, type Device, LimitError, type Tensor, type TensorArgument } from "@dilated/core";

/** A run of blocks that one launch does. */
export interface BlockWindow {
  readonly first: number;
  readonly count: number;
  /** These blocks of a tensor that has `unit` elements a block. */
  of(tensor: Tensor | undefined, unit: number): TensorArgument | undefined;
}

/** Window offsets that are multiples of this many elements are aligned in every dtype: 256 bytes of f16. */
const ALIGN = 128;

/**
 * Runs `work` over windows of `total` blocks (rows, say) that cannot be cut, each window short enough for one binding.
 *
 * @param tensors - the tensors that are cut, each with its elements a block
 * @throws LimitError when a tensor is longer than one binding and its blocks are too long to be cut at aligned places.
 */
export function forEachBlock(
  caller: string,
  device: Device,
  total: number,
  tensors: readonly (readonly [Tensor | undefined, number])[],
  work: (window: BlockWindow) => void,
): void {
  const most = blocksAtOnce(caller, device, total, tensors);
  for (let first = 0; first < total; first += most) {
    const start = first;
    const count = Math.min(most, total - start);
    const of = (tensor: Tensor | undefined, unit: number): TensorArgument | undefined =>
      tensor && (count === total ? tensor : { tensor, offset: start * unit, length: count * unit });
    work({ first, count, of });
  }
}

function blocksAtOnce(
  caller: string,
  device: Device,
  total: number,
  tensors: readonly (readonly [Tensor | undefined, number])[],
): number {
  // WebAssembly bodies see f16 as f32 (see `launch`).
  const width = ({ dtype }: Tensor) => (dtype === "f16" && device.info.backend === "wasm" ? BYTES.f32 : BYTES[dtype]);
  const given = tensors.flatMap(([tensor, unit]) => (tensor ? [{ bytes: unit * width(tensor), unit }] : []));
  const fit = Math.floor(device.limits.maxBindingBytes / Math.max(1, ...given.map(({ bytes }) => bytes)));
  if (fit >= total) return Math.max(1, total);
  const step = Math.max(...given.map(({ unit }) => ALIGN / gcd(unit, ALIGN))); // powers of two: the largest is a multiple of all
  if (fit < step && device.info.backend === "wasm") return total; // it binds nothing, and takes them whole
  if (fit < step) {
    throw new LimitError(
      `${caller}: rows of ${Math.max(...given.map(({ unit }) => unit))} elements cannot be cut to fit a binding`,
      {
        details: [
          `${fit} rows fit ${device.limits.maxBindingBytes} bytes, but only every ${step}th starts at an aligned place`,
        ],
        fix: "work on fewer rows at a time, or use f16",
      },
    );
  }
  return Math.floor(fit / step) * step;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

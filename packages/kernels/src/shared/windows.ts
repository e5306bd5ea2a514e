import { BYTES, type Device, type DType, LimitError, type Tensor, type TensorArgument } from "@dilated/core";

/** Part of the rows that several tensors share, small enough for one binding. */
export interface RowWindow {
  /** First row. */
  readonly first: number;
  readonly rows: number;
  /** The window of a tensor of which each row is `width` elements long. */
  of(tensor: Tensor, width: number): TensorArgument;
}

/**
 * Cuts `rows` rows in windows that fit the device's bindings and alignment: one on WebAssembly and for all but long tensors.
 *
 * @param width - elements of a row in the widest tensor
 * @param dtypes - of the tensors that are windowed
 * @param narrow - elements of a row in other tensors (f32) that are windowed too, for alignment
 * @throws LimitError when not even one aligned step of rows fits a binding.
 */
export function rowWindows(device: Device, rows: number, width: number, dtypes: readonly DType[], narrow: readonly number[] = []): RowWindow[] {
  const { maxBindingBytes, offsetAlign } = device.limits;
  const rowBytes = [...dtypes.map((dtype) => width * BYTES[dtype]), ...narrow.map((elements) => elements * BYTES.f32)];
  const fit = Math.min(...rowBytes.map((bytes) => Math.floor(maxBindingBytes / Math.max(1, bytes))));
  if (rows <= fit) return [{ first: 0, rows, of: (tensor) => tensor }];
  const step = rowBytes.map((bytes) => offsetAlign / gcd(bytes, offsetAlign)).reduce(lcm, 1);
  const each = Math.floor(fit / step) * step;
  if (each < 1) {
    throw new LimitError(`rows of ${width} elements do not fit one binding of this device`, {
      details: [`${Math.max(...rowBytes) * step} bytes needed at least, ${maxBindingBytes} allowed`],
      fix: "use narrower rows, or f16",
    });
  }
  return Array.from({ length: Math.ceil(rows / each) }, (_, i) => {
    const first = i * each;
    const count = Math.min(each, rows - first);
    return { first, rows: count, of: (tensor, elements) => ({ tensor, offset: first * elements, length: count * elements }) };
  });
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function lcm(a: number, b: number): number {
  return (a / gcd(a, b)) * b;
}

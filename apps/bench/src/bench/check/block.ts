import type { Device, Tensor } from "@dilated/core";
import { halfValues } from "./half.ts";

/** One head of a stretch of tokens of one tensor: `[length, D]`, or `[length]` for lse. */
export type HeadRows = Float32Array;

/** Tokens `[start, start + length)` of a tensor `[1, N, H, D]` on the host, by head. */
export interface Block {
  head(h: number): HeadRows;
}

/** Reads a stretch of tokens through a copy of its own, so that tensors longer than memory of the host can be checked. */
export async function readBlock(device: Device, tensor: Tensor, start: number, length: number): Promise<Block> {
  const [, N = 0, H = 0, D = 0] = tensor.shape;
  const rows = await readWindow(device, tensor, start * H * D, length * H * D);
  if (start + length > N) throw new RangeError(`block [${start}, ${start + length}) of ${N} tokens`);
  return {
    head(h) {
      const out = new Float32Array(length * D);
      for (let t = 0; t < length; t++) for (let d = 0; d < D; d++) out[t * D + d] = rows((t * H + h) * D + d);
      return out;
    },
  };
}

/** Head h of the same tokens of lse `[1, H, N]`. */
export async function readLse(
  device: Device,
  lse: Tensor,
  h: number,
  start: number,
  length: number,
): Promise<HeadRows> {
  const N = lse.shape[2] ?? 0;
  const value = await readWindow(device, lse, h * N + start, length);
  return Float32Array.from({ length }, (_, i) => value(i));
}

/** Elements `[from, from + count)`, as a function of their index; f16 is decoded where it is asked for. */
async function readWindow(device: Device, tensor: Tensor, from: number, count: number): Promise<(i: number) => number> {
  using copy = device.empty([count], { dtype: tensor.dtype, label: "check" });
  device.copy(tensor, copy, { from, count });
  const bytes = await copy.bytes();
  if (tensor.dtype === "f16") {
    const words = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
    const values = halfValues();
    return (i) => values[words[i] as number] as number;
  }
  const floats = new Float32Array(bytes.buffer, bytes.byteOffset, count);
  return (i) => floats[i] as number;
}

import type { Device } from "../device/device.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Tensors that lie side by side in one buffer. */
export interface Group {
  /** Their indices. */
  readonly members: readonly number[];
  /** Where each starts, in elements. */
  readonly offsets: readonly number[];
  /** Elements of the buffer. */
  readonly elements: number;
}

/**
 * Each starts at a multiple of so many elements: aligned for windows of every dtype (256 bytes), and the same place in
 * all.
 */
export const SLOT = 128;

/**
 * Elements of a buffer at most: 32 MiB of f32. Gradients are made one after another, and none is held much before its
 * time.
 */
const MOST = 2 ** 23;

/**
 * Which tensors lie together: matrices apart from vectors, which optimisers treat alike, in the order of the list. It
 * is a function of shapes and the device's limits alone, so that weights, gradients and moments of one model lie alike.
 */
export function layOut({ limits }: Device, tensors: readonly Pick<Tensor, "size" | "rank">[]): Group[] {
  const most = Math.min(MOST, Math.floor(limits.maxBindingBytes / 4 / SLOT) * SLOT);
  const groups: { members: number[]; offsets: number[]; elements: number }[] = [];
  for (const matrices of [true, false]) {
    let open: (typeof groups)[number] | undefined;
    tensors.forEach(({ size, rank }, i) => {
      const slot = Math.ceil(size / SLOT) * SLOT;
      if (rank >= 2 !== matrices || size === 0 || slot > most) return;
      if (!open || open.elements + slot > most) {
        open = { members: [], offsets: [], elements: 0 };
        groups.push(open);
      }
      open.members.push(i);
      open.offsets.push(open.elements);
      open.elements += slot;
    });
  }
  return groups.filter(({ members }) => members.length > 1);
}

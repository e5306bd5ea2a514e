import { Tensor } from "@dilated/core";
import type { TensorSource } from "./write-weights.ts";

/**
 * Copies of tensors as they are at this point of the queue, on their device, so that they can be read while training goes on. Whatever is not a tensor of ours is
 * passed through. Each copy is freed when it has been read; `dispose` frees those that have not.
 *
 * @throws OutOfMemoryError, LimitError when the device has no room for the copies; nothing is kept then.
 */
export function snapshotOf<T extends TensorSource>(
  tensors: Iterable<readonly [name: string, tensor: T]>,
): { readonly entries: [string, TensorSource][]; dispose(): void } {
  const copies: Tensor[] = [];
  const dispose = (): void => {
    for (const copy of copies) copy.dispose();
  };
  try {
    const entries = Array.from(tensors, ([name, tensor]): [string, TensorSource] => {
      if (!(tensor instanceof Tensor)) return [name, tensor];
      const copy = copyOf(tensor, "snapshot");
      copies.push(copy);
      const { dtype, shape } = copy;
      return [name, { dtype, shape, data: () => copy.data().finally(() => copy.dispose()) }];
    });
    return { entries, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** A copy that belongs to no scope. */
export function copyOf(tensor: Tensor, label: string): Tensor {
  const { device, shape, dtype } = tensor;
  const scoped = device.empty(shape, { dtype, label });
  try {
    device.copy(tensor, scoped);
    return scoped.detachedAlias();
  } finally {
    scoped.dispose();
  }
}

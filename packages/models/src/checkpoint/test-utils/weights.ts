import type { ModelStore } from "../store.ts";
import type { TensorSource } from "../write-weights.ts";

/** `count` tensors of four numbers, all of them `value`: 16 bytes each. */
export function weightsOf(value: number, count = 5): [string, TensorSource][] {
  return Array.from({ length: count }, (_, i) => [
    `layer.${i}`,
    { dtype: "f32", shape: [2, 2], data: () => new Float32Array(4).fill(value) },
  ]);
}

/** A store whose `n`-th change, and every one after it, fails: what a process leaves that is killed there. */
export function dyingStore(store: ModelStore, n: number): ModelStore {
  let left = n;
  const live = <T>(act: () => Promise<T>): Promise<T> => {
    left -= 1;
    return left < 0 ? Promise.reject(new Error("killed")) : act();
  };
  return {
    ...store,
    write: (name, bytes) => live(() => store.write(name, bytes)),
    remove: (name) => live(() => store.remove(name)),
  };
}

import type { Tensor } from "@dilated/core";
import type { Node, NumberNode, ValueType } from "./node.ts";

/** Numbers that an expression reads by an index: data of its own, not constants of its text. */
export interface Captured<T extends ValueType = ValueType> {
  readonly type: T;
  readonly shape: readonly number[];
  /** Row-major, truth values as 0 and 1; absent where a tensor of a device is read. */
  readonly values?: Int32Array | Uint32Array | Float32Array | undefined;
  readonly tensor?: Tensor | undefined;
  /** The element at an index: an i32 node or an integer for each axis. */
  at(...index: (NumberNode<"i32"> | number)[]): Node<T>;
}

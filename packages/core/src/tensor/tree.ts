import { Tensor } from "./tensor.ts";

/** Tensors in nested objects and arrays, as parameters and gradients come. Other values pass through untouched. */
export type Tree =
  | Tensor
  | { readonly [key: string]: unknown }
  | readonly unknown[]
  | number
  | string
  | boolean
  | null
  | undefined;

/** Every tensor in `tree`, depth first in key order. */
export function treeTensors(tree: unknown): Tensor[] {
  if (tree instanceof Tensor) return [tree];
  if (Array.isArray(tree)) return tree.flatMap(treeTensors);
  if (isPlain(tree)) return Object.values(tree).flatMap(treeTensors);
  return [];
}

/** `["layers.0.wq", tensor]` pairs, depth first in key order: the names that checkpoints use. */
export function treeEntries(tree: unknown, prefix = ""): [string, Tensor][] {
  if (tree instanceof Tensor) return [[prefix, tree]];
  if (!Array.isArray(tree) && !isPlain(tree)) return [];
  return Object.entries(tree as object).flatMap(([key, value]) =>
    treeEntries(value, prefix ? `${prefix}.${key}` : key),
  );
}

/** The same tree with every tensor replaced. */
export function treeMap<T>(tree: T, change: (tensor: Tensor, name: string) => Tensor, prefix = ""): T {
  if (tree instanceof Tensor) return change(tree, prefix) as T;
  const child = (key: string, value: unknown) => treeMap(value, change, prefix ? `${prefix}.${key}` : key);
  if (Array.isArray(tree)) return tree.map((value, i) => child(String(i), value)) as T;
  if (isPlain(tree))
    return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, child(key, value)])) as T;
  return tree;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { isArray } from "../config/list.ts";
import { isPlain } from "../config/plain.ts";
import { reading } from "../config/validate.ts";
import { ConfigError } from "../errors/index.ts";
import { Tensor } from "./tensor.ts";

const TREE = field.optional(field.any("a tree of tensors"));
const PREFIX = field.optional(field.string());
const TENSORS = { tree: TREE };
const ENTRIES = { tree: TREE, prefix: PREFIX };
const MAP = { tree: TREE, change: field.func(), prefix: PREFIX };

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

/** Every tensor in `tree`, depth first in key order; one that is there under several names, or by aliases, once. */
export function treeTensors(tree: unknown): Tensor[] {
  checkCall("treeTensors", TENSORS, arguments);
  return treeHandles(tree).filter(isFirst());
}

/** `["layers.0.wq", tensor]` pairs, depth first in key order: the names that checkpoints use. A tensor of several names has the first. */
export function treeEntries(tree: unknown, prefix = ""): [string, Tensor][] {
  checkCall("treeEntries", ENTRIES, arguments);
  const first = isFirst();
  return leavesOf(tree, prefix, "treeEntries").filter(([, tensor]) => first(tensor));
}

/** Tells the first handle of each tensor from the others. */
function isFirst(): (tensor: Tensor) => boolean {
  const seen = new Set<number>();
  return ({ id }) => !seen.has(id) && seen.add(id).size > 0;
}

/** `["output", "embedding"]` pairs: each further name of a tensor, and its first, under which {@link treeEntries} has it. */
export function treeTies(tree: unknown, prefix = ""): [string, string][] {
  checkCall("treeTies", ENTRIES, arguments);
  const first = new Map<number, string>();
  return leavesOf(tree, prefix, "treeTies").flatMap(([name, { id }]): [string, string][] => {
    const known = first.get(id);
    if (known === undefined) first.set(id, name);
    return known === undefined ? [] : [[name, known]];
  });
}

/** Every handle in `tree`, those of one tensor, too. */
export function treeHandles(tree: unknown): Tensor[] {
  return leavesOf(tree, "").map(([, tensor]) => tensor);
}

/** The same tree with every tensor replaced; one of several names is replaced by one. */
export function treeMap<T>(tree: T, change: (tensor: Tensor, name: string) => Tensor, prefix = ""): T {
  checkCall("treeMap", MAP, arguments);
  const changed = new Map<number, Tensor>();
  const visit = (value: unknown, name: string, within: readonly unknown[]): unknown => {
    if (value instanceof Tensor) {
      const result = changed.get(value.id) ?? change(value, name);
      changed.set(value.id, result);
      return result;
    }
    if (Array.isArray(value) || isPlain(value)) checkBranch("treeMap", name, value, within);
    const inside = [...within, value];
    const child = (key: string, item: unknown): unknown => visit(item, name ? `${name}.${key}` : key, inside);
    if (isArray(value)) return value.map((item, i) => child(String(i), item));
    if (!isPlain(value)) return value;
    return Object.fromEntries(
      reading("treeMap", "tree", () => Object.entries(value)).map(([key, item]) => [key, child(key, item)]),
    );
  };
  return visit(tree, prefix, []) as T;
}

/**
 * Refuses a tree of parameters that holds anything but tensors, arrays and plain objects: what is not seen would silently not be trained or saved. A field that is
 * undefined counts as left out.
 *
 * @throws ConfigError that names each by its path, with what to pass in its place.
 */
export function checkParameters(caller: string, tree: unknown, name = "parameters"): void {
  const problems: string[] = [];
  const fixes = new Set<string>();
  const visit = (value: unknown, path: string, within: readonly unknown[]): void => {
    if (value instanceof Tensor || value === undefined) return;
    if (within.includes(value)) problems.push(`${path}: holds itself`);
    else if (isArray(value)) for (const [i, item] of value.entries()) visit(item, `${path}[${i}]`, [...within, value]);
    else if (isPlain(value) && !reading(caller, path, () => isModule(value)))
      for (const [key, item] of reading(caller, path, () => Object.entries(value)))
        visit(item, `${path}.${key}`, [...within, value]);
    else {
      problems.push(
        `${path}: ${reading(caller, path, () => kindOf(value))}; allowed: tensors, arrays and plain objects of them`,
      );
      fixes.add(isModule(value) ? `pass ${path}.parameters` : `leave ${path} out`);
    }
  };
  visit(tree, name, []);
  if (problems.length === 0) return;
  throw new ConfigError(`${caller}: ${name} must be a tree of tensors`, {
    details: problems.slice(0, 20),
    fix: [...fixes].slice(0, 4).join(", ") || "pass a tree without a cycle",
  });
}

/**
 * A model, or a part of one: its weights are in `parameters`. A plain object is one where it has functions, too; others
 * are trees in which a branch has this name.
 */
function isModule(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("parameters" in value)) return false;
  if (value.parameters instanceof Tensor) return false;
  return !isPlain(value) || Object.values(value).some((member) => typeof member === "function");
}

function kindOf(value: unknown): string {
  if (isModule(value)) return `a module${isPlain(value) ? "" : `, ${value?.constructor?.name}`}`;
  if (typeof value !== "object" || value === null) return typeof value === "function" ? "a function" : String(value);
  return `a ${value.constructor?.name ?? "object without a prototype"}`;
}

function leavesOf(
  tree: unknown,
  prefix: string,
  caller = "treeTensors",
  within: readonly unknown[] = [],
): [string, Tensor][] {
  if (tree instanceof Tensor) return [[prefix, tree]];
  if (!isArray(tree) && !isPlain(tree)) return [];
  checkBranch(caller, prefix, tree, within);
  return reading(caller, "tree", () => Object.entries(tree)).flatMap(([key, value]) =>
    leavesOf(value, prefix ? `${prefix}.${key}` : key, caller, [...within, tree]),
  );
}

/** Refuses what could be gone through for ever. */
function checkBranch(caller: string, path: string, branch: object, within: readonly unknown[]): void {
  if (!within.includes(branch) && within.length < MOST_DEPTH) return;
  throw new ConfigError(`${caller}: tree holds itself`, {
    details: [`at ${path.slice(0, 100)}, ${within.length} levels deep`],
    fix: "pass a tree without a cycle",
  });
}

const MOST_DEPTH = 1000;

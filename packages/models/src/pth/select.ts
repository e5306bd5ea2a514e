import { bad, quote } from "./errors.ts";
import { isTensor, type PickleMap, type PickleValue } from "./values.ts";

/** A dictionary that holds tensors, and where it lies. */
interface Candidate {
  readonly path: string;
  readonly map: PickleMap;
  readonly tensors: number;
}

/** The dictionary of tensors of a checkpoint: at `key`, or the one that holds at least twice as many tensors as any other. */
export function selectStateDict(root: PickleValue, key?: string): PickleMap {
  if (isTensor(root)) return new Map([["tensor", root]]);
  if (key !== undefined) return atKey(root, key);
  const [first, second] = candidatesIn(root);
  if (!first) throw bad("the file holds no dictionary of tensors", "save model.state_dict()");
  if (!second || first.tensors >= 2 * second.tensors) return first.map;
  throw bad(
    "the file holds several dictionaries of tensors",
    `say which: key: ${quote(first.path || second.path)}`,
    list(root),
  );
}

function atKey(root: PickleValue, key: string): PickleMap {
  let value: PickleValue | undefined = root;
  // A key may hold dots itself: the whole of it goes first.
  const steps = root instanceof Map && root.has(key) ? [key] : key.split(".");
  for (const step of key === "" ? [] : steps) value = value instanceof Map ? value.get(step) : undefined;
  if (value instanceof Map && [...value.values()].some(isTensor)) return value;
  throw bad(`there is no dictionary of tensors at ${quote(key)}`, "pass a key from the list above", list(root));
}

function list(root: PickleValue): string[] {
  const all = candidatesIn(root);
  const shown = all.slice(0, 12).map(({ path, tensors }) => `${quote(path)}: ${tensors} tensors`);
  return all.length > shown.length ? [...shown, `and ${all.length - shown.length} more`] : shown;
}

/** Most tensors first. Each container is looked at once, however often the file shares it. */
function candidatesIn(root: PickleValue): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Set<PickleValue>();
  const queue: [path: string, value: PickleValue][] = [["", root]];
  for (const [path, value] of queue) {
    if (!(value instanceof Map) || seen.has(value)) continue;
    seen.add(value);
    let tensors = 0;
    for (const [key, item] of value) {
      if (isTensor(item)) tensors += 1;
      else if (item instanceof Map) queue.push([path ? `${path}.${key}` : key, item]);
    }
    if (tensors > 0) found.push({ path, map: value, tensors });
  }
  return found.sort((a, b) => b.tensors - a.tensors);
}

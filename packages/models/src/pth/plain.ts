import { LimitError } from "@dilated/core";
import { bad } from "./errors.ts";
import { isTensor, kindOf, type PickleValue } from "./values.ts";

/**
 * Values shared in the file are repeated in the result, so that it is a tree. Their number is bounded by the size of the pickle: a value that is not shared takes
 * a byte of it at least, and a few hundred bytes could stand for millions.
 */
const MOST = { values: 1_000_000, perByte: 4, always: 1000, depth: 100 } as const;

/**
 * A pickled value as plain JSON-like data: objects, arrays, strings, numbers (bigint beyond 2^53), booleans, null, byte arrays. A tensor becomes
 * `{ dtype, shape }`.
 *
 * @param bytes - length of the pickle
 * @param without - a dictionary whose tensors are left out, and itself where it holds nothing else
 */
export function toPlain(root: PickleValue, bytes: number, without?: PickleValue): unknown {
  const most = Math.min(MOST.values, MOST.always + MOST.perByte * bytes);
  let left = most;
  const nothing = without instanceof Map && [...without.values()].every(isTensor) ? without : undefined;
  const plain = (value: PickleValue, depth: number): unknown => {
    // Entries count where they are looked at, whether or not they are kept.
    left -= value instanceof Map ? 1 + value.size : 1;
    if (left < 0)
      throw new LimitError(`readPth: there are more than ${most} values beside the tensors`, {
        fix: "save only model.state_dict()",
      });
    if (depth > MOST.depth) throw bad(`values are nested more than ${MOST.depth} deep`);
    if (isTensor(value)) return { dtype: value.storage.type.dtype, shape: value.shape };
    if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
    if (value instanceof Map) {
      const kept = [...value].filter(([, item]) => item !== nothing && !(value === without && isTensor(item)));
      return Object.fromEntries(kept.map(([key, item]) => [key, plain(item, depth + 1)]));
    }
    const kind = kindOf(value);
    return kind === undefined ? value : kind; // a class or storage by itself says nothing
  };
  return plain(root, 0);
}

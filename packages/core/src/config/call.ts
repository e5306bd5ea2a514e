import { ConfigError, DeviceError, DisposedError } from "../errors/index.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Field, Schema } from "./fields.ts";
import { isPlain } from "./plain.ts";
import { show } from "./show.ts";
import { checkConfig, reading, unreadable } from "./validate.ts";

type Maybe = Tensor | undefined;

/**
 * Checks what a public function was given, before it does anything: every argument by its kind, that none is left over (it would be ignored), and that the
 * tensors among them, those in options and lists included, are alive and on one device. Makes nothing where all is right.
 *
 * @param kinds - the arguments by name, in order; options come last
 * @param given - `arguments`: what was passed, before defaults
 * @throws ConfigError, DisposedError, DeviceError that name the function, the argument, what was given and what is allowed.
 */
export function checkCall(caller: string, kinds: Schema, given: ArrayLike<unknown>): void {
  let at = 0;
  let first: Maybe;
  let name = "";
  try {
    for (name in kinds) {
      const kind = kinds[name] as Field<unknown>;
      const value = given[at++];
      if (value === undefined ? !kind.absent : !kind.test(value)) wrongArgument(caller, name, kind, value);
      if (kind.tensors && value !== undefined) first = checkLive(caller, name, kind, value, first);
    }
  } catch (error) {
    throw unreadable(caller, name, error);
  }
  if (given.length > at) checkSurplus(caller, kinds, given, at);
}

/**
 * Checks one argument.
 *
 * @throws ConfigError that names the function, the argument, what was given and what is allowed.
 */
export function checkArgument(caller: string, name: string, kind: Field<unknown>, given: unknown): void {
  reading(caller, name, () => {
    if (!kind.test(given)) wrongArgument(caller, name, kind, given);
  });
}

function wrongArgument(caller: string, name: string, kind: Field<unknown>, given: unknown): never {
  if (kind.fields && isPlain(given)) checkConfig(caller, kind.fields, given);
  throw new ConfigError(`${caller}: ${name} must be ${kind.allowed}`, {
    details: [`${name}: ${show(given)}`],
    fix: `pass ${kind.allowed}`,
  });
}

/** Throws unless every tensor in `value` is alive and on the device of `first`; returns the first of all. */
function checkLive(caller: string, name: string, kind: Field<unknown>, value: unknown, first?: Tensor): Maybe {
  let known = first;
  if (value instanceof Tensor) {
    known ??= value;
    if (value.disposed)
      throw new DisposedError(`${caller}: ${name} was disposed`, {
        details: [`${name}: ${value}`],
        fix: "keep it alive: return it from the scope, or dispose it later",
      });
    if (value.device !== known.device)
      throw new DeviceError(`${caller}: ${name} lives on another device than the tensors before it`, {
        details: [`${name}: ${value}`, `another: ${known}`],
        fix: "make all tensors of one call on one device",
      });
  } else if (kind.fields) {
    for (const key in kind.fields) {
      const field = kind.fields[key];
      if (field?.tensors) known = checkLive(caller, key, field, (value as Schema)[key], known);
    }
  } else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) known = checkLive(caller, `${name}[${i}]`, kind, value[i], known);
  }
  return known;
}

/** `[a, b].map(square)` passes an index and the array, too. */
function checkSurplus(caller: string, kinds: Schema, given: ArrayLike<unknown>, count: number): void {
  const rest = Array.from(given).slice(count);
  if (rest.every((value) => value === undefined)) return;
  const [index, array] = rest;
  if (count === 1 && rest.length === 2 && Array.isArray(array) && array[index as number] === given[0]) return;
  const names = Object.keys(kinds).join(", ");
  throw new ConfigError(`${caller}: takes ${count === 1 ? "one argument" : `${count} arguments`}: ${names || "none"}`, {
    details: rest.map((value) => `not used: ${show(value)}`),
    fix: "leave out what is not used",
  });
}

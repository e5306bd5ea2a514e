import type { Device } from "../device/device.ts";
import { ConfigError, DeviceError, DisposedError } from "../errors/index.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Field, Schema } from "./fields.ts";
import { isPlain } from "./plain.ts";
import { show } from "./show.ts";
import { checkConfig, reading, unreadable } from "./validate.ts";

/** The device that all tensors of a call have to be on, and how it is known. */
interface Home {
  readonly device: Device;
  readonly because: () => string;
}
type Maybe = Home | undefined;

/**
 * Checks what a public function was given, before it does anything: every argument by its kind, that none is left over (it would be ignored), and that the
 * tensors among them, those in options and lists included, are alive and on one device. Makes nothing where all is right.
 *
 * @param kinds - the arguments by name, in order; options come last
 * @param given - `arguments`: what was passed, before defaults
 * @param device - where the tensors have to be. @defaultValue where the first of them is, or a device among the
 * arguments
 * @throws ConfigError, DisposedError, DeviceError that name the function, the argument, what was given and what is allowed.
 */
export function checkCall(caller: string, kinds: Schema, given: ArrayLike<unknown>, device?: Device): void {
  let at = 0;
  let home: Maybe = device && { device, because: () => "the call is of an object of that device" };
  let name = "";
  try {
    for (name in kinds) {
      const kind = kinds[name] as Field<unknown>;
      const value = given[at++];
      if (value === undefined ? !kind.absent : !kind.test(value)) wrongArgument(caller, name, kind, value);
      if (kind.tensors && value !== undefined) home = checkLive(caller, name, kind, value, home);
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
  if (kind.fields && !kind.open && isPlain(given)) checkConfig(caller, kind.fields, given);
  const details: string[] = [];
  if (given !== undefined) kind.check(given, name, details); // names what inside of it is wrong
  const inside = details.length > 0 && !details[0]?.startsWith(`${name}: `);
  throw new ConfigError(`${caller}: ${name} must be ${kind.allowed}`, {
    details: inside ? details.slice(0, MOST_DETAILS) : [`${name}: ${show(given)}`],
    fix: inside ? "correct the fields above" : `pass ${kind.allowed}`,
  });
}

const MOST_DETAILS = 20;

/** Throws unless every tensor in `value` is alive and on the device at home; returns what that is, once it is known. */
function checkLive(caller: string, name: string, kind: Field<unknown>, value: unknown, home: Maybe): Maybe {
  let known = home;
  if (value instanceof Tensor) {
    if (value.disposed)
      throw new DisposedError(`${caller}: ${name} was disposed`, {
        details: [`${name}: ${value}`],
        fix: "keep it alive: return it from the scope, or dispose it later",
      });
    known ??= { device: value.device, because: () => `another: ${value}` };
    if (value.device !== known.device)
      throw new DeviceError(`${caller}: ${name} lives on another device`, {
        details: [`${name}: ${value}`, known.because()],
        fix: "make all tensors of one call on one device",
      });
  } else if (kind.isDevice) {
    known ??= { device: value as Device, because: () => "the call is told to use that device" };
  } else if (kind.fields) {
    for (const key in kind.fields) {
      const field = kind.fields[key];
      if (field?.tensors && (value as Schema)[key] !== undefined)
        known = checkLive(caller, key, field, (value as Schema)[key], known);
    }
  } else if (Array.isArray(value)) {
    const item = kind.item ?? kind;
    // A mask is a list, too, of a million numbers.
    for (let i = 0; i < value.length; i++)
      if (typeof value[i] === "object") known = checkLive(caller, `${name}[${i}]`, item, value[i], known);
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

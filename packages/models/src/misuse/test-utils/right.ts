import type { ValidCall } from "./fuzz.ts";

type AnyFunction = (...args: never[]) => unknown;

/** A function that may be passed anything. */
export function loose(call: unknown): (...args: unknown[]) => unknown {
  return call as (...args: unknown[]) => unknown;
}

/** A right call, every option given: `args` by name. */
export function right(
  name: string,
  call: unknown,
  args: Readonly<Record<string, unknown>>,
  through?: string,
): ValidCall {
  return { name, call: call as AnyFunction, names: Object.keys(args), args: Object.values(args), through };
}

/** Right calls of functions that take the same. */
export function each(
  calls: Readonly<Record<string, unknown>>,
  args: Readonly<Record<string, unknown>>,
): readonly ValidCall[] {
  return Object.entries(calls).map(([name, call]) => right(name, call, args));
}

/** A right call of a method. */
export function method(of: object, name: string, args: Readonly<Record<string, unknown>>): ValidCall {
  const call = (...given: never[]) => (of as Readonly<Record<string, AnyFunction>>)[name]?.(...given);
  return right(`${of.constructor.name}.${name}`, call, args);
}

/** A right call of a constructor. */
export function made(Class: { readonly name: string }, args: Readonly<Record<string, unknown>>): ValidCall {
  return right(Class.name, (...given: never[]) => Reflect.construct(Class as never, given), args);
}

import type { ValidCall } from "./fuzz.ts";

type AnyFunction = (...args: never[]) => unknown;

/** A right call, every option given: `args` by name. */
export function right(name: string, call: unknown, args: Readonly<Record<string, unknown>>): ValidCall {
  return { name, call: call as AnyFunction, names: Object.keys(args), args: Object.values(args) };
}

/** Right calls of functions that take the same. */
export function each(
  calls: Readonly<Record<string, unknown>>,
  args: Readonly<Record<string, unknown>>,
): readonly ValidCall[] {
  return Object.entries(calls).map(([name, call]) => right(name, call, args));
}

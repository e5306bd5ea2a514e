/**
 * Is it an object that was written as `{ ... }` (of any realm), parsed from JSON, or a module's namespace? An array, a Map, a tensor or an instance of another
 * class is not: what it holds cannot be seen by going over its keys.
 */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  let prototype: unknown;
  try {
    prototype = Object.getPrototypeOf(value);
  } catch {
    return false; // a Proxy that does not say
  }
  return prototype === null || prototype === Object.prototype || isRootPrototype(prototype as object);
}

/** `Object.prototype` of another realm. */
function isRootPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "hasOwnProperty");
}

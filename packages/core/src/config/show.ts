import { isPlain } from "./plain.ts";

/**
 * A value as messages quote it: a line that says what it is, however large, deep or hostile. Strings are cut after 60
 * characters, lists after 8 items and two levels.
 *
 * @example
 * ```ts
 * import { show } from "@dilated/core";
 * show([1, "a", { b: 2 }]); // [1, "a", an object]
 * ```
 */
export function show(value: unknown): string {
  try {
    return shown(value, 0);
  } catch {
    return "an object that cannot be read"; // a Proxy, or a getter that throws
  }
}

function shown(value: unknown, within: number): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) {
    if (value.length > 8 || within > 1) return `a list of ${value.length}`;
    return `[${Array.from(value, (item) => shown(item, within + 1)).join(", ")}]`;
  }
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (isPlain(value)) return typeof value.default === "function" ? "a module; take what you need of it" : "an object";
  const name: unknown = value.constructor?.name;
  if (name === "Promise") return "a Promise; await it first";
  return typeof name === "string" && name && name !== "Object" ? `a ${name}` : "an object with a prototype of its own";
}

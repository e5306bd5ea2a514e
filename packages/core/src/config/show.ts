import { isPlain } from "./plain.ts";

/** A value as it is quoted in a message. */
export function show(value: unknown, within = 0): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) {
    if (value.length > 8 || within > 1) return `a list of ${value.length}`;
    return `[${value.map((item) => show(item, within + 1)).join(", ")}]`;
  }
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (isPlain(value)) return typeof value.default === "function" ? "a module; take what you need of it" : "an object";
  let name: unknown;
  try {
    name = value.constructor?.name;
  } catch {
    return "an object that cannot be read";
  }
  if (name === "Promise") return "a Promise; await it first";
  return typeof name === "string" && name && name !== "Object" ? `a ${name}` : "an object with a prototype of its own";
}

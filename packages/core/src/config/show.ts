import { isPlain } from "./plain.ts";

/** A value as it is quoted in a message. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return value.length > 8 ? `a list of ${value.length}` : `[${value.map(show).join(", ")}]`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (isPlain(value)) return "an object";
  let name: unknown;
  try {
    name = value.constructor?.name;
  } catch {
    return "an object that cannot be read";
  }
  return typeof name === "string" && name && name !== "Object" ? `a ${name}` : "an object with a prototype of its own";
}

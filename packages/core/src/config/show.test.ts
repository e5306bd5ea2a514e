import { expect, test } from "vitest";
import { show } from "./show.ts";

const ring: unknown[] = [];
ring.push(ring);
const unreadable = () => {
  throw new RangeError("no");
};
const traps = { get: unreadable, getPrototypeOf: unreadable };

test.each([
  [[1, "a", { b: 2 }, [3]], '[1, "a", an object, [3]]'],
  [ring, "[[a list of 1]]"],
  [Object.assign([], { length: 2 ** 32 - 1 }), "a list of 4294967295"],
  ["x".repeat(1e6), `"${"x".repeat(60)}…"`],
  [Array(3), "[undefined, undefined, undefined]"],
  [Object.defineProperty({}, "default", { get: unreadable }), "an object that cannot be read"],
  [new Proxy({}, traps), "an object that cannot be read"],
  [new Proxy([1], traps), "an object that cannot be read"],
  [Symbol("s"), "Symbol(s)"],
  [new Map(), "a Map"],
  [Promise.resolve(), "a Promise; await it first"],
])("%# in a message", (value, text) => {
  expect(show(value)).toBe(text);
  // As the callback of a map, too, whose index is no depth.
  expect([null, null, value].map(show).at(-1)).toBe(text);
});

/**
 * What a longer array holds are holes: 2^32 - 1 of them cost nothing to make, and minutes to go through. Typed arrays
 * have none.
 */
const MOST_ITEMS = 2 ** 28;

/** Is it a list of numbers, as far as can be told without going through it: an array, or a typed array? */
export function isNumberList(value: unknown): value is ArrayLike<number> {
  return isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** An array that can be gone through. */
export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= MOST_ITEMS;
}

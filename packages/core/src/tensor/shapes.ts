// Functions of shapes as callers get them: those of shape.ts, which the checks themselves need, with their arguments
// checked.
import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import type { Shape } from "./shape.ts";
import * as inner from "./shape.ts";

const SIZES = field.list(field.nonNegativeInteger());
const ANY = field.shape();
const ARGUMENTS = {
  checkShape: { caller: field.string(), shape: field.optional(field.any("a list of sizes")) },
  sizeOf: { shape: SIZES },
  formatShape: { shape: ANY },
  sameShape: { a: ANY, b: ANY },
};

/**
 * Number of elements; an empty shape is a scalar.
 *
 * @throws ConfigError for what is no list of non-negative integers.
 */
export function sizeOf(shape: Shape): number {
  checkCall("sizeOf", ARGUMENTS.sizeOf, arguments);
  return inner.sizeOf(shape);
}

/** `[2, 64, 4, 16]` as people write it, whatever the list holds: messages show wrong ones, too. */
export function formatShape(shape: Shape): string {
  checkCall("formatShape", ARGUMENTS.formatShape, arguments);
  return inner.formatShape(shape);
}

/** Whether two lists hold the same sizes. */
export function sameShape(a: Shape, b: Shape): boolean {
  checkCall("sameShape", ARGUMENTS.sameShape, arguments);
  return inner.sameShape(a, b);
}

/** Throws ShapeError unless every axis is a non-negative safe integer and so is their product. */
export function checkShape(caller: string, shape: Shape): void {
  checkCall("checkShape", ARGUMENTS.checkShape, arguments);
  inner.checkShape(caller, shape);
}

import { show } from "../config/show.ts";
import { ShapeError } from "../errors/index.ts";

/** Sizes of the axes, outermost first; row-major and contiguous. */
export type Shape = readonly number[];

/** Number of elements; an empty shape is a scalar. */
export function sizeOf(shape: Shape): number {
  checkList("sizeOf", "shape", shape);
  return shape.reduce((product, axis) => product * axis, 1);
}

/** `[2, 64, 4, 16]` as people write it. */
export function formatShape(shape: Shape): string {
  checkList("formatShape", "shape", shape);
  return `[${shape.map(String).join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  checkList("sameShape", "a", a);
  checkList("sameShape", "b", b);
  return a.length === b.length && a.every((axis, i) => axis === b[i]);
}

/** Throws unless every axis is a non-negative safe integer and so is their product. */
export function checkShape(caller: string, shape: Shape): void {
  const bad = !isSizes(shape) || shape.some((axis) => !Number.isSafeInteger(axis) || axis < 0);
  if (bad || !Number.isSafeInteger(sizeOf(shape))) {
    throw new ShapeError(`${caller}: a shape is a list of non-negative integers`, {
      details: [`given: ${isSizes(shape) ? `[${shape.map(show).join(", ")}]` : show(shape)}`],
      fix: "pass sizes such as [1, 4096, 8, 64]",
    });
  }
}

/** No tensor has more axes; a list may have 2^32 - 1 holes. */
const MOST_AXES = 1000;

function isSizes(shape: unknown): shape is Shape {
  return Array.isArray(shape) && shape.length <= MOST_AXES;
}

function checkList(caller: string, name: string, shape: unknown): void {
  if (isSizes(shape)) return;
  throw new ShapeError(`${caller}: ${name} must be a list of sizes`, { details: [`${name}: ${show(shape)}`] });
}

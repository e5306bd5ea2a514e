import { ShapeError } from "../errors/index.ts";

/** Sizes of the axes, outermost first; row-major and contiguous. */
export type Shape = readonly number[];

/** Number of elements; an empty shape is a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, axis) => product * axis, 1);
}

/** `[2, 64, 4, 16]` as people write it. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((axis, i) => axis === b[i]);
}

/** Throws unless every axis is a non-negative safe integer and so is their product. */
export function checkShape(caller: string, shape: Shape): void {
  const bad = !Array.isArray(shape) || shape.some((axis) => !Number.isSafeInteger(axis) || axis < 0);
  if (bad || !Number.isSafeInteger(sizeOf(shape))) {
    throw new ShapeError(`${caller}: a shape is a list of non-negative integers`, {
      details: [`given: ${Array.isArray(shape) ? formatShape(shape) : String(shape)}`],
      fix: "pass sizes such as [1, 4096, 8, 64]",
    });
  }
}

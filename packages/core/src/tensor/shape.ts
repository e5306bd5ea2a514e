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
  const bad = !Array.isArray(shape) || shape.some((axis) => !Number.isSafeInteger(axis) || axis < 0);
  if (bad || !Number.isSafeInteger(sizeOf(shape))) {
    throw new ShapeError(`${caller}: a shape is a list of non-negative integers`, {
      details: [`given: ${Array.isArray(shape) ? formatShape(shape) : show(shape)}`],
      fix: "pass sizes such as [1, 4096, 8, 64]",
    });
  }
}

function checkList(caller: string, name: string, shape: unknown): void {
  if (Array.isArray(shape)) return;
  throw new ShapeError(`${caller}: ${name} must be a list of sizes`, { details: [`${name}: ${show(shape)}`] });
}

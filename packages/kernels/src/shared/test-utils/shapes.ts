import type { Shape } from "@dilated/core";
import fc from "fast-check";

/** Shapes of one to three axes, mostly of awkward lengths. */
export const shapes: fc.Arbitrary<Shape> = fc.array(fc.integer({ min: 1, max: 37 }), { minLength: 1, maxLength: 3 });

/** Rows of any width: `[rows, width]`. */
export const rowShapes: fc.Arbitrary<readonly [number, number]> = fc.tuple(
  fc.integer({ min: 1, max: 70 }),
  fc.oneof(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 160 }).map((quads) => 4 * quads),
  ),
);

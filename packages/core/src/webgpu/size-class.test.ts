import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import { sizeClass } from "./size-class.ts";

test.prop([fc.integer({ min: 1, max: 2 ** 36 })])(
  "classes hold what they are asked for, aligned, and waste little",
  (bytes) => {
    const size = sizeClass(bytes);
    expect(size).toBeGreaterThanOrEqual(bytes);
    expect(size % 256).toBe(0);
    const slack = bytes < 1024 ? 255 : bytes * (bytes < 2 ** 20 ? 1 / 4 : bytes < 2 ** 26 ? 1 / 16 : 1 / 64);
    expect(size - bytes).toBeLessThanOrEqual(slack);
    expect(sizeClass(size)).toBe(size);
  },
);

test("there are few classes: four an octave up to 1 MiB", () => {
  const classes = new Set(
    Array.from({ length: 1000 }, (_, i) => sizeClass(2 ** 16 + 1 + Math.floor((i * 2 ** 16) / 1000))),
  );
  expect(classes.size).toBe(4);
});

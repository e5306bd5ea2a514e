import { LimitError, ShapeError } from "@dilated/core";
import "@dilated-internal/testing";
import { fc, test as property } from "@fast-check/vitest";
import { expect, it } from "vitest";
import { resizePositions } from "./resize.ts";

/** The definition, in f64: a sum over the whole plane of Keys' kernel with a = -0.75, values beyond the edge being the edge's. */
function byDefinition(
  table: readonly number[],
  [rows, columns]: readonly number[],
  [R, C]: readonly number[],
  width: number,
): number[] {
  const kernel = (x: number): number => {
    const d = Math.abs(x);
    if (d <= 1) return 1.25 * d ** 3 - 2.25 * d ** 2 + 1;
    return d < 2 ? -0.75 * (d ** 3 - 5 * d ** 2 + 8 * d - 4) : 0;
  };
  const clamp = (i: number, n: number): number => Math.min(n - 1, Math.max(0, i));
  const out: number[] = [];
  for (let i = 0; i < (R ?? 0); i++)
    for (let j = 0; j < (C ?? 0); j++)
      for (let k = 0; k < width; k++) {
        const [y, x] = [((i + 0.5) * (rows ?? 0)) / (R ?? 1) - 0.5, ((j + 0.5) * (columns ?? 0)) / (C ?? 1) - 0.5];
        let sum = 0;
        for (let p = -3; p < (rows ?? 0) + 3; p++)
          for (let q = -3; q < (columns ?? 0) + 3; q++)
            sum +=
              kernel(y - p) *
              kernel(x - q) *
              (table[(clamp(p, rows ?? 0) * (columns ?? 0) + clamp(q, columns ?? 0)) * width + k] ?? 0);
        out.push(sum);
      }
  return out;
}

const size = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }));
property.prop([size, size, fc.integer({ min: 1, max: 3 }), fc.infiniteStream(fc.integer({ min: -9, max: 9 }))], {
  numRuns: 200,
})("is the bicubic interpolation of the definition", (from, to, width, stream) => {
  const table = Array.from({ length: from[0] * from[1] * width }, () => stream.next().value as number);
  expect(resizePositions(table, { from, to })).toBeAllClose(byDefinition(table, from, to, width), { atol: 1e-5 });
});

const sample = (length: number): number[] => Array.from({ length }, (_, i) => ((i * 7) % 11) - 5);

it("gives torch's numbers (1.13, interpolate(mode='bicubic'))", () => {
  expect(resizePositions(sample(12), { from: [2, 3], to: [3, 5] })).toBeAllClose([
    -6.1609167, 1.8856111, -4.4627639, 3.9136111, -1.8263889, 5.1736111, 0.2943611, 0.4936111, 1.4616111, -3.5943889,
    -0.26, 0.712, -1.686, 2.74, -3.0, 4.0, -1.344, -0.68, 0.288, -4.768, 5.6409167, -0.4616111, 1.0907639, 1.5663889,
    -4.1736111, 2.8263889, -2.9823611, -1.8536111, -0.8856111, -5.9416111,
  ]);
  // LongViT's scale_factor for an image of 6 x 3 patches, trained on 4 x 4.
  expect(resizePositions(sample(16), { from: [4, 4], to: [6, 3], scale: [6.1 / 4, 3.1 / 4] })).toBeAllClose([
    -4.4818182, 0.5057462, 3.2317943, -1.6017341, -0.0338613, 2.7103122, 0.2929611, 0.1599889, 0.4330916, -2.7757308,
    2.0239673, -3.8422375, -1.4406628, 1.9473272, -1.8439875, 1.6997174, 0.805732, 2.7048596,
  ]);
});

it("keeps a grid of the same size, bit for bit", () => {
  const table = Float32Array.from({ length: 18 }, (_, i) => Math.sin(i));
  expect(resizePositions(table, { from: [3, 3], to: [3, 3] })).toEqual(table);
});

it.each([[{ from: [3, 3], to: [4, 4] }], [{ from: [2, 2], to: [0, 4] }], [{ from: [2, 2], to: [1.5, 4] }]] as const)(
  "refuses %j for ten values",
  (options) => {
    expect(() => resizePositions(new Float32Array(10), options)).toThrow(ShapeError);
  },
);

it.each([
  [2 ** 31, 1],
  [1, 2 ** 31],
  [65_536, 65_536],
])("refuses a grid of %i x %i before it makes it", (rows, columns) => {
  expect(() => resizePositions([1, 2], { from: [1, 1], to: [rows, columns] })).toThrow(LimitError);
});

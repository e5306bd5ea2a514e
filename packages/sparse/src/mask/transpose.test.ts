import { ConfigError } from "@dilated/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { madeMask } from "./block-mask.ts";
import { transposeLists } from "./transpose.ts";

const lists = fc
  .record({ B: fc.integer({ min: 1, max: 2 }), H: fc.integer({ min: 1, max: 3 }), rows: fc.nat(5), columns: fc.nat(5) })
  .chain(({ B, H, rows, columns }) =>
    fc
      .array(fc.array(fc.constantFrom(0, 1, 2), { minLength: columns, maxLength: columns }), {
        minLength: B * H * rows,
        maxLength: B * H * rows,
      })
      .map((classes) => ({ B, H, rows, columns, classes })),
  );

it("has each block once, under its column, in order of rows", () => {
  fc.assert(
    fc.property(lists, ({ B, H, rows, columns, classes }) => {
      const kept = classes.map((row) => row.flatMap((kind, j) => (kind > 0 ? [[j, kind - 1] as const] : [])));
      const ends = [0];
      for (const row of kept) ends.push((ends.at(-1) ?? 0) + row.length);
      const mask = madeMask({
        ...{ N: rows * 32, M: columns * 32, B, H, blockSize: 32 },
        offsets: Uint32Array.from(ends),
        blocks: Uint32Array.from(kept.flatMap((row) => row.map(([j]) => j))),
        partial: Uint8Array.from(kept.flatMap((row) => row.map(([, partial]) => partial))),
      });
      const transposed = transposeLists(mask);
      expect(transposeLists(mask)).toBe(transposed);
      const found = Array.from({ length: B * H * columns }, (_, list) => {
        const range = [transposed.offsets[list], transposed.offsets[list + 1]] as const;
        const partial = transposed.partial.slice(...range);
        return [...transposed.blocks.slice(...range)].map((i, at) => [i, partial[at]]);
      });
      const expected = Array.from({ length: B * H * columns }, (_, list) =>
        Array.from({ length: rows }, (__, i) => [
          i,
          (classes[Math.floor(list / columns) * rows + i]?.[list % columns] ?? 0) - 1,
        ]).filter(([, partial = -1]) => partial >= 0),
      );
      expect(found).toEqual(expected);
      expect(mask.emptyRows).toBe(kept.filter((row) => row.length === 0).length);
    }),
    { numRuns: 50 },
  );
});

it("refuses what is no mask", () => {
  for (const wrong of [undefined, null, {}, { offsets: new Uint32Array(1) }])
    expect(() => transposeLists(wrong as never)).toThrow(ConfigError);
});

import type { DType } from "@dilated/core";
import { validateWgsl } from "@dilated-internal/testing/validate-wgsl";
import { describe, expect, test } from "vitest";
import { CURVES } from "../../activation/curves.ts";
import { matrixKernel } from "./kernel.ts";
import { type MatrixTile, matrixTiles, workgroupBytes } from "./tiles.ts";
import type { MatrixUnits } from "./units.ts";

const units: Readonly<Record<string, MatrixUnits>> = {
  nvidia: { MM: 16, MN: 16, MK: 16, LANES: 32, HALF: true, WIDE: false },
  amd: { MM: 16, MN: 16, MK: 16, LANES: 64, HALF: true, WIDE: false },
  intel: { MM: 8, MN: 16, MK: 16, LANES: 16, HALF: true, WIDE: false },
  "apple f16": { MM: 8, MN: 8, MK: 8, LANES: 32, HALF: true, WIDE: true },
  "apple f32": { MM: 8, MN: 8, MK: 8, LANES: 32, HALF: false, WIDE: true },
};

const bits = (count: number) =>
  Array.from({ length: 2 ** count }, (_, code) => Array.from({ length: count }, (_, i) => (code >> i) % 2 === 1));
const transposes = bits(2).map(([TRANS_A, TRANS_B]) => ({ TRANS_A, TRANS_B }));

function constantsOf(unit: MatrixUnits, tile: MatrixTile): Record<string, number | boolean> {
  const { SG_M, SG_N, ROWS, COLS, TILE_K } = tile;
  return { ...unit, SG_M, SG_N, RM: ROWS / unit.MM, RN: COLS / unit.MN, TILE_K };
}

const even = (...flags: (boolean | undefined)[]): boolean => flags.filter(Boolean).length % 2 === 0;

describe.each(Object.entries(units))("matrix kernel on units of %s", (vendor, unit) => {
  describe.each(matrixTiles.map((tile) => [tile.name, tile] as const))("tile %s", (name, tile) => {
    const shape = constantsOf(unit, tile);

    // Half of all: any four options in every combination, and the fifth follows from them; on the next tile or unit it
    // is the other one.
    const half = even(
      Object.keys(units).indexOf(vendor) % 2 > 0,
      matrixTiles.findIndex((one) => one.name === name) % 2 > 0,
    );

    test("every transpose, dtype, guard and ending compiles", async () => {
      const operand: DType = unit.HALF ? "f16" : "f32";
      for (const transpose of transposes) {
        for (const [GUARD, ACCUMULATE, ending] of bits(3)) {
          if (even(transpose.TRANS_A, transpose.TRANS_B, GUARD, ACCUMULATE, ending) !== half) continue;
          const HALF_C = ACCUMULATE !== transpose.TRANS_A; // either dtype of the result beside either of the others
          const result: DType = HALF_C ? "f16" : "f32";
          const extra = ending ? [operand, result, result] : [undefined, undefined, undefined];
          const constants = {
            ...shape,
            ...transpose,
            GUARD_K: GUARD === true,
            C_HALF: HALF_C === true,
            ACCUMULATE: ACCUMULATE === true,
            ACTIVE: ending === true,
            CURVE: CURVES.gelu,
          } as Record<string, number | boolean>;
          expect(await validateWgsl(matrixKernel, { dtypes: [operand, operand, result, ...extra], constants })).toEqual(
            [],
          );
        }
      }
    });

    test.each(transposes)(
      "every invocation stages the same number of blocks: $TRANS_A $TRANS_B",
      ({ TRANS_A, TRANS_B }) => {
        const threads = tile.SG_M * tile.SG_N * unit.LANES;
        const stored = unit.HALF ? 8 : 4;
        for (const [rows, lies] of [
          [tile.SG_M * tile.ROWS, !TRANS_A],
          [tile.SG_N * tile.COLS, TRANS_B],
        ] as const) {
          const columns = (lies ? tile.TILE_K : rows) / stored;
          expect(((lies ? rows : tile.TILE_K) * columns) % threads).toBe(0);
          expect(threads % columns).toBe(0);
          expect([1, 2]).toContain(Math.max(1, lies ? 8 / columns : 1)); // rows interleaved: what the epilogue undoes
        }
        expect([tile.ROWS % unit.MM, tile.COLS % unit.MN, tile.TILE_K % unit.MK]).toEqual([0, 0, 0]);
      },
    );
  });
});

test("workgroup memory stays below what the GPUs have", () => {
  const plain = { transposeA: false, transposeB: false };
  const nvidia = matrixTiles.map((tile) => workgroupBytes(tile, plain, units.nvidia as MatrixUnits));
  expect(Math.max(...nvidia)).toBeLessThanOrEqual(48 * 1024);
  const apple = matrixTiles.map((tile) => workgroupBytes(tile, plain, units["apple f32"] as MatrixUnits));
  expect(Math.min(...apple)).toBeLessThanOrEqual(32 * 1024); // at least one tile fits
});

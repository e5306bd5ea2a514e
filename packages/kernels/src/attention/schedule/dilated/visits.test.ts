import { attentionCase } from "@dilated-internal/attention-kit/arbitrary";
import { resolveCase } from "@dilated-internal/attention-kit/cases";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keysOfRow } from "../../oracle/dilated.ts";
import type { ResolvedAttention, ResolvedBranch } from "../../pattern/options.ts";
import type { TileRole } from "../schedule.ts";
import { isSelf, participates, type Side, sidesOf } from "./geometry.ts";
import { byDilation, fusedShapes, planCost, planTiles, sharedShape, TILE_WORDS } from "./tiles.ts";
import { forEachTile, forEachVisit, type GroupShape, tileRows, visitedCost } from "./visits.ts";

/** The oracle's (branch, h, t, u), sorted; places. */
function definition(resolved: ResolvedAttention): string[] {
  const all: string[] = [];
  for (let h = 0; h < resolved.H; h++) {
    for (let t = 0; t < resolved.N; t++) {
      for (const { branch, keys } of keysOfRow(resolved, h, t)) {
        for (const u of keys) all.push(`${branch} ${h} ${t} ${u}`);
      }
    }
  }
  return all.sort();
}

/** What a kernel computes that walks those launches and masks row by row. */
function walked(resolved: ResolvedAttention, shapes: readonly GroupShape[], role: TileRole, rows: number): string[] {
  const all: string[] = [];
  forEachRowTile(resolved, shapes, role, rows, (shape, h, side, tile) => {
    forEachVisit(resolved, shape, tile, h, side, role, (index, begin, end, first, count) => {
      const branch = resolved.branches[index] as ResolvedBranch;
      for (let i = 0; i < tile.count; i++) {
        const row = tile.first + shape.stride * i;
        if (row < begin || row >= end || !participates(branch, h, row, side.base)) continue;
        for (let j = 0; j < count; j++) {
          const column = first + branch.r * j;
          const [t, u] = role === "query" ? [row, column] : [column, row];
          const shift = role === "query" ? side.rowShift : side.columnShift;
          if (u - t >= branch.low && u - t <= branch.high) all.push(`${index} ${h} ${t - shift} ${u}`);
        }
      }
    });
  });
  return all.sort();
}

type Walk = (shape: GroupShape, h: number, side: Side, tile: { first: number; count: number }) => void;

function forEachRowTile(
  resolved: ResolvedAttention,
  shapes: readonly GroupShape[],
  role: TileRole,
  rows: number,
  visit: Walk,
): void {
  for (const shape of shapes) {
    for (let h = shape.headStart; h < shape.headEnd; h++) {
      for (const side of sidesOf(resolved, role)) {
        forEachTile(side, shape, rows, (firstRow, count) =>
          visit(shape, h, side, tileRows(resolved, shape, firstRow, count, h, side)),
        );
      }
    }
  }
}

/** One launch a branch. */
function separateShapes(resolved: ResolvedAttention): GroupShape[] {
  return byDilation(resolved).map((index) => sharedShape(resolved, [index], "query") as GroupShape);
}

/** Every way to cut the branches, the finest first, into runs that can share a launch. */
function allRuns(resolved: ResolvedAttention, role: TileRole): GroupShape[][] {
  const order = byDilation(resolved);
  const from = (begin: number): GroupShape[][] => {
    if (begin === order.length) return [[]];
    const ends = order.slice(begin).map((_, i) => begin + i + 1);
    return ends.flatMap((end) => {
      const shape = sharedShape(resolved, order.slice(begin, end), role);
      return shape ? from(end).map((rest) => [shape, ...rest]) : [];
    });
  };
  return from(0);
}

const small = attentionCase({ N: 60, H: 5, D: [4] });
const role = fc.constantFrom<TileRole[]>("query", "key");
const tileHeight = fc.constantFrom(1, 3, 8, 16, 64);

describe("planTiles", () => {
  it("covers exactly the multiset of the definition, whichever shape the planner takes", () => {
    fc.assert(
      fc.property(small, role, tileHeight, (test, of, rows) => {
        const resolved = resolveCase(test);
        const wanted = definition(resolved);
        for (const shapes of allRuns(resolved, of)) expect(walked(resolved, shapes, of, rows)).toEqual(wanted);
        for (const shape of fusedShapes(resolved, of)) expect(walked(resolved, [shape], of, rows)).toEqual(wanted);
      }),
      { numRuns: 150 },
    );
  });

  it("fused launches hold every (row, head) once; a group that covers all rows too", () => {
    fc.assert(
      fc.property(small, role, tileHeight, (test, of, rows) => {
        const resolved = resolveCase(test);
        const plan = planTiles(resolved, of, { rows });
        const N = of === "query" ? resolved.N : resolved.M;
        for (const shape of [
          ...fusedShapes(resolved, of),
          ...plan.groups.filter(({ coversAllRows }) => coversAllRows),
        ]) {
          const places: number[] = [];
          forEachRowTile(resolved, [shape], of, rows, (_shape, h, { rowShift }, tile) => {
            expect(tile.count).toBeGreaterThan(0); // an empty one would look at no operands
            for (let i = 0; i < tile.count; i++) places.push(h * N + tile.first - rowShift + shape.stride * i);
          });
          expect(places.sort((a, b) => a - b)).toEqual(Array.from({ length: N * resolved.H }, (_, i) => i));
        }
        if (plan.groups.some(({ coversAllRows }) => coversAllRows)) expect(plan.groups[0]?.coversAllRows).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("writes the tiles that the walk is over, and takes the cheapest of its candidates", () => {
    fc.assert(
      fc.property(small, role, tileHeight, (test, of, rows) => {
        const resolved = resolveCase(test);
        const { groups, cost } = planTiles(resolved, of, { rows });
        for (const group of groups) {
          const words: number[] = [];
          for (const side of sidesOf(resolved, of)) {
            forEachTile(side, group, rows, (firstRow, count) => words.push(firstRow - side.rowShift, count));
          }
          const own = [...group.tiles].filter((_, i) => i % TILE_WORDS < 2);
          expect(own).toEqual(words);
          expect(group.count).toBe(words.length / 2);
        }
        const by = isSelf(resolved) ? "query" : of;
        const candidates = [...allRuns(resolved, by), ...fusedShapes(resolved, by).map((shape) => [shape])];
        expect(cost).toBe(Math.min(...candidates.map((shapes) => planCost(resolved, shapes, by, { rows }))));
      }),
      { numRuns: 100 },
    );
  });

  it("fuses the paper's ladder without any waste", () => {
    const branches = [0, 1, 2, 3, 4].map((step) => ({ segment: 2048 << step, dilation: 1 << step }));
    const resolved = resolveCase({ name: "ladder", B: 1, N: 65536, H: 16, D: 64, options: { branches } });
    const { groups, cost } = planTiles(resolved, "query", { rows: 64 });
    expect(groups).toHaveLength(1);
    expect(groups[0]).toMatchObject({
      branches: [0, 1, 2, 3, 4],
      stride: 16,
      window: 2048,
      coversAllRows: true,
      count: 1024,
    });
    const alone = planCost(resolved, [groups[0] as GroupShape], "query", { rows: 64 });
    expect(cost).toBe(alone);
    expect(visitedCost(resolved, groups[0] as GroupShape, "query", { rows: 64 })).toBe(
      16 * 65536 * (2048 + 1024 + 512 + 256 + 128),
    );
  });

  it("pairs neighbours of the paper's ladder where it is causal: rows far apart would waste keys on the diagonal", () => {
    const branches = [0, 1, 2, 3, 4].map((step) => ({ segment: 2048 << step, dilation: 1 << step }));
    const resolved = resolveCase({ name: "ladder", B: 1, N: 65536, H: 12, D: 64, options: { branches, causal: true } });
    const { groups, cost } = planTiles(resolved, "query", { rows: 64 });
    expect(
      groups.map(({ branches: of, stride, rowDilation, coversAllRows }) => ({
        of,
        stride,
        rowDilation,
        coversAllRows,
      })),
    ).toEqual([
      { of: [0, 1], stride: 2, rowDilation: 1, coversAllRows: true },
      { of: [2, 3], stride: 8, rowDilation: 4, coversAllRows: false },
      { of: [4], stride: 16, rowDilation: 16, coversAllRows: false },
    ]);
    expect(cost).toBeLessThan(0.97 * planCost(resolved, separateShapes(resolved), "query", { rows: 64 }));
  });

  it("launches branches apart where no stride suits them all", () => {
    const branches = [
      { segment: 1024, dilation: 1 },
      { segment: 4000, dilation: 31 },
      { segment: 8192, dilation: 37 },
    ];
    const resolved = resolveCase({ name: "coprime", B: 1, N: 8192, H: 4, D: 64, options: { branches } });
    const { groups } = planTiles(resolved, "query", { rows: 64 });
    expect(groups.map(({ branches: of, coversAllRows }) => [of, coversAllRows])).toEqual([
      [[0], true],
      [[1], false],
      [[2], false],
    ]);
  });

  it("costs exactly what it walks, for random configurations", () => {
    fc.assert(
      fc.property(small, role, tileHeight, fc.constantFrom(1, 4, 32), (test, of, rows, columns) => {
        const resolved = resolveCase(test);
        for (const shape of [...fusedShapes(resolved, of), ...allRuns(resolved, of).flat()]) {
          let steps = 0;
          forEachRowTile(resolved, [shape], of, rows, (_shape, h, side, tile) => {
            forEachVisit(resolved, shape, tile, h, side, of, (_branch, _begin, _end, _first, count) => {
              steps += Math.ceil(count / columns);
            });
          });
          expect(visitedCost(resolved, shape, of, { rows, columns })).toBe(steps * columns * rows * resolved.B);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("costs no more than what it walks: full tiles, whole key steps", () => {
    const resolved = resolveCase({
      name: "ragged",
      B: 2,
      N: 100,
      H: 1,
      D: 4,
      options: { branches: [{ segment: 100, dilation: 1 }] },
    });
    const [shape] = separateShapes(resolved) as [GroupShape];
    const causal = { ...resolved, branches: resolved.branches.map((branch) => ({ ...branch, high: 0 })) };
    expect(visitedCost(resolved, shape, "query", { rows: 64, columns: 32 })).toBe(2 * 2 * 64 * 128);
    expect(visitedCost(causal, shape, "query", { rows: 64, columns: 32 })).toBe(2 * 64 * (64 + 128));
  });
});

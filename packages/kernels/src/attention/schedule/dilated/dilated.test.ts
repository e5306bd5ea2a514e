import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ResolvedAttention, ResolvedBranch } from "../../op/options.ts";
import { attentionCase } from "../../oracle/attention.arbitrary.ts";
import { type AttentionCase, attentionCases, resolveCase } from "../../oracle/attention.cases.ts";
import { keysOfRow } from "../../oracle/reference.ts";
import { CHUNK_WORDS, planChunks } from "./chunks.ts";
import { offsetOf, participates, realRows, sequenceOf } from "./geometry.ts";
import { byDilation, fusedShapes, planCost, planTiles, sharedShape } from "./tiles.ts";
import { forEachTile, forEachVisit, type GroupShape, tileRows, visitedCost } from "./visits.ts";

/** The oracle's (branch, h, t, u), sorted. */
function definition(resolved: ResolvedAttention): string[] {
  const all: string[] = [];
  for (let h = 0; h < resolved.H; h++) {
    for (let t = 0; t < resolved.N; t++) {
      for (const { branch, keys } of keysOfRow(resolved, h, t, sequenceOf(resolved, t)))
        for (const u of keys) all.push(`${branch} ${h} ${t} ${u}`);
    }
  }
  return all.sort();
}

/** What a kernel computes that walks those launches and masks row by row. */
function walked(resolved: ResolvedAttention, shapes: readonly GroupShape[], rows: number): string[] {
  const all: string[] = [];
  forEachRowTile(resolved, shapes, rows, (shape, h, sequence, tile) => {
    forEachVisit(resolved, shape, tile, h, sequence, (index, begin, end, first, count) => {
      const branch = resolved.branches[index] as ResolvedBranch;
      for (let i = 0; i < tile.count; i++) {
        const t = tile.first + shape.stride * i;
        if (t < begin || t >= end || !participates(branch, h, t, sequence)) continue;
        for (let j = 0; j < count; j++) {
          const u = first + branch.r * j;
          if (!resolved.causal || u <= t) all.push(`${index} ${h} ${t} ${u}`);
        }
      }
    });
  });
  return all.sort();
}

type Walk = (
  shape: GroupShape,
  h: number,
  sequence: ResolvedAttention["sequences"][number],
  tile: { first: number; count: number },
) => void;

function forEachRowTile(resolved: ResolvedAttention, shapes: readonly GroupShape[], rows: number, visit: Walk): void {
  for (const shape of shapes) {
    for (let h = shape.headStart; h < shape.headEnd; h++) {
      for (const sequence of resolved.sequences) {
        forEachTile(sequence, shape, rows, (firstRow, count) =>
          visit(shape, h, sequence, tileRows(resolved, shape, firstRow, count, h, sequence)),
        );
      }
    }
  }
}

/** One launch a branch. */
function separateShapes(resolved: ResolvedAttention): GroupShape[] {
  return byDilation(resolved).map((index) => sharedShape(resolved, [index]) as GroupShape);
}

/** Every way to cut the branches, the finest first, into runs that can share a launch. */
function allRuns(resolved: ResolvedAttention): GroupShape[][] {
  const order = byDilation(resolved);
  const from = (begin: number): GroupShape[][] => {
    if (begin === order.length) return [[]];
    const ends = order.slice(begin).map((_, i) => begin + i + 1);
    return ends.flatMap((end) => {
      const shape = sharedShape(resolved, order.slice(begin, end));
      return shape ? from(end).map((rest) => [shape, ...rest]) : [];
    });
  };
  return from(0);
}

const small = attentionCase({ N: 60, H: 5, D: [4] });
const tileHeight = fc.constantFrom(1, 3, 8, 16, 64);

describe("planTiles", () => {
  it("covers exactly the multiset of the definition, whichever shape the planner takes", () => {
    fc.assert(
      fc.property(small, tileHeight, (test, rows) => {
        const resolved = resolveCase(test);
        const wanted = definition(resolved);
        for (const shapes of allRuns(resolved)) expect(walked(resolved, shapes, rows)).toEqual(wanted);
        for (const shape of fusedShapes(resolved)) expect(walked(resolved, [shape], rows)).toEqual(wanted);
      }),
      { numRuns: 150 },
    );
  });

  it("fused launches hold every (row, head) once; a complete group too", () => {
    fc.assert(
      fc.property(small, tileHeight, (test, rows) => {
        const resolved = resolveCase(test);
        const plan = planTiles(resolved, { rows });
        for (const shape of [...fusedShapes(resolved), ...plan.groups.filter(({ complete }) => complete)]) {
          const tokens: number[] = [];
          forEachRowTile(resolved, [shape], rows, (_shape, h, _sequence, tile) => {
            for (let i = 0; i < tile.count; i++) tokens.push(h * resolved.N + tile.first + shape.stride * i);
          });
          expect(tokens.sort((a, b) => a - b)).toEqual(Array.from({ length: resolved.N * resolved.H }, (_, i) => i));
        }
        if (plan.groups.some(({ complete }) => complete)) expect(plan.groups[0]?.complete).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("writes the tiles that the walk is over, and takes the cheapest of its candidates", () => {
    fc.assert(
      fc.property(small, tileHeight, (test, rows) => {
        const resolved = resolveCase(test);
        const { groups, cost } = planTiles(resolved, { rows });
        for (const group of groups) {
          const words: number[] = [];
          for (const sequence of resolved.sequences) {
            forEachTile(sequence, group, rows, (firstRow, count) =>
              words.push(firstRow, count, sequence.start, sequence.end),
            );
          }
          expect([...group.tiles]).toEqual(words);
          expect(group.count).toBe(words.length / 4);
        }
        const candidates = [...allRuns(resolved), ...fusedShapes(resolved).map((shape) => [shape])];
        expect(cost).toBe(Math.min(...candidates.map((shapes) => planCost(resolved, shapes, { rows }))));
      }),
      { numRuns: 100 },
    );
  });

  it("fuses the paper's ladder without any waste", () => {
    const branches = [0, 1, 2, 3, 4].map((step) => ({ segment: 2048 << step, dilation: 1 << step }));
    const resolved = resolveCase({ name: "ladder", B: 1, N: 65536, H: 16, D: 64, options: { branches } });
    const { groups, cost } = planTiles(resolved, { rows: 64 });
    expect(groups).toHaveLength(1);
    expect(groups[0]).toMatchObject({
      branches: [0, 1, 2, 3, 4],
      stride: 16,
      window: 2048,
      complete: true,
      count: 1024,
    });
    const alone = planCost(resolved, [groups[0] as GroupShape], { rows: 64 });
    expect(cost).toBe(alone);
    expect(visitedCost(resolved, groups[0] as GroupShape, { rows: 64 })).toBe(
      16 * 65536 * (2048 + 1024 + 512 + 256 + 128),
    );
  });

  it("pairs neighbours of the paper's ladder where it is causal: rows far apart would waste keys on the diagonal", () => {
    const branches = [0, 1, 2, 3, 4].map((step) => ({ segment: 2048 << step, dilation: 1 << step }));
    const resolved = resolveCase({ name: "ladder", B: 1, N: 65536, H: 12, D: 64, options: { branches, causal: true } });
    const { groups, cost } = planTiles(resolved, { rows: 64 });
    expect(groups.map(({ branches: of, stride, every, complete }) => ({ of, stride, every, complete }))).toEqual([
      { of: [0, 1], stride: 2, every: 1, complete: true },
      { of: [2, 3], stride: 8, every: 4, complete: false },
      { of: [4], stride: 16, every: 16, complete: false },
    ]);
    expect(cost).toBeLessThan(0.97 * planCost(resolved, separateShapes(resolved), { rows: 64 }));
  });

  it("launches branches apart where no stride suits them all", () => {
    const branches = [
      { segment: 1024, dilation: 1 },
      { segment: 4000, dilation: 31 },
      { segment: 8192, dilation: 37 },
    ];
    const resolved = resolveCase({ name: "coprime", B: 1, N: 8192, H: 4, D: 64, options: { branches } });
    const { groups } = planTiles(resolved, { rows: 64 });
    expect(groups.map(({ branches: of, complete }) => [of, complete])).toEqual([
      [[0], true],
      [[1], false],
      [[2], false],
    ]);
  });

  it("costs exactly what it walks, for random configurations", () => {
    fc.assert(
      fc.property(small, tileHeight, fc.constantFrom(1, 4, 32), (test, rows, keys) => {
        const resolved = resolveCase(test);
        for (const shape of [...fusedShapes(resolved), ...allRuns(resolved).flat()]) {
          let steps = 0;
          forEachRowTile(resolved, [shape], rows, (_shape, h, sequence, tile) => {
            forEachVisit(resolved, shape, tile, h, sequence, (_branch, _begin, _end, _first, count) => {
              steps += Math.ceil(count / keys);
            });
          });
          expect(visitedCost(resolved, shape, { rows, keys })).toBe(steps * keys * rows * resolved.B);
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
    expect(visitedCost(resolved, shape, { rows: 64, keys: 32 })).toBe(2 * 2 * 64 * 128);
    expect(visitedCost({ ...resolved, causal: true }, shape, { rows: 64, keys: 32 })).toBe(2 * 64 * (64 + 128));
  });
});

describe("planChunks", () => {
  const check = (test: AttentionCase, rows: number): void => {
    const resolved = resolveCase(test);
    const all: string[] = [];
    const zeros = new Map<string, number>();
    planChunks(resolved, { rows }).forEach(({ count, table }, index) => {
      const branch = resolved.branches[index] as ResolvedBranch;
      expect(table.length).toBe(count * CHUNK_WORDS);
      for (let h = branch.headStart; h < branch.headEnd; h++) {
        for (let chunk = 0; chunk < count; chunk++) {
          const [begin, end, jBegin, jEnd, pad] = table.subarray(chunk * CHUNK_WORDS) as unknown as [
            number,
            number,
            number,
            number,
            number,
          ];
          const s = offsetOf(branch, h);
          const real = realRows(end - begin, branch.r, s);
          expect(jEnd - jBegin).toBeLessThanOrEqual(rows);
          for (let j = jBegin; j < Math.min(jEnd, real); j++) {
            const t = begin + s + branch.r * j;
            if (pad > real) zeros.set(`${index} ${h} ${t}`, pad - real);
            for (let i = 0; i < (resolved.causal ? j + 1 : real); i++)
              all.push(`${index} ${h} ${t} ${begin + s + branch.r * i}`);
          }
        }
      }
    });
    expect(all.sort()).toEqual(definition(resolved));
    for (let h = 0; h < resolved.H; h++) {
      for (let t = 0; t < resolved.N; t++) {
        for (const part of keysOfRow(resolved, h, t, sequenceOf(resolved, t)))
          expect(zeros.get(`${part.branch} ${h} ${t}`) ?? 0).toBe(part.zeros);
      }
    }
  };

  it.each(attentionCases.map((test) => [test.name, test] as const))(
    "covers the definition and its zero keys: %s",
    (_name, test) => check(test, 16),
  );

  it("covers the definition and its zero keys for random configurations", () => {
    fc.assert(fc.property(small, tileHeight, check), { numRuns: 150 });
  });
});

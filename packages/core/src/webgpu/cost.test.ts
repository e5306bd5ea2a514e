import { expect, test } from "vitest";
import type { BoundCall } from "../device/backend.ts";
import { BUDGET_MS, CostModel, MAX_PIECES } from "./cost.ts";

const call = (flops: number): BoundCall => ({
  flops,
  bound: [],
  groups: 1,
  items: 0,
  scalars: {},
  kernel: { name: "k", tensors: {}, scalars: {} },
});

test("launches over the budget are cut, up to a most", () => {
  const cost = new CostModel("discrete");
  const perPiece = cost.flopsPerMs * BUDGET_MS;
  expect(cost.pieces(call(perPiece))).toBe(1);
  expect(cost.pieces(call(perPiece * 2.5))).toBe(3);
  expect(cost.pieces(call(perPiece * 1e9))).toBe(MAX_PIECES);
  // One that rarely has work is cut as if it had, and counted as if it had none.
  const rare = { ...call(0), mostFlops: perPiece * 2.5 };
  expect([cost.pieces(rare), cost.estimate(rare)]).toEqual([3, 0]);
});

test("a slow submission slows the model at once, fast ones speed it up step by step", () => {
  const cost = new CostModel("unknown");
  const start = cost.flopsPerMs;
  cost.observe(start * 100, 0, 1000);
  expect(cost.flopsPerMs).toBeCloseTo(start / 10);
  cost.observe(start * 100, 1000, 1001);
  expect(cost.flopsPerMs).toBeCloseTo(start / 2.5);
});

test("a queued submission is timed from the end of the one before", () => {
  const cost = new CostModel("unknown");
  const start = cost.flopsPerMs;
  cost.observe(start * 100, 0, 100);
  cost.observe(start * 100, 0, 200);
  expect(cost.flopsPerMs).toBeCloseTo(start);
});

test("short submissions teach nothing, and the floor holds", () => {
  const cost = new CostModel("unknown");
  const start = cost.flopsPerMs;
  cost.observe(start / 2, 0, 5000);
  expect(cost.flopsPerMs).toBe(start);
  cost.observe(start * 10, 5000, 1e9);
  expect(cost.flopsPerMs).toBe(start / 64);
});

import { expect, test } from "vitest";
import { auc, hits, topTiles } from "./metrics.ts";

test("AUC counts pairs in the right order, ties half", () => {
  expect(auc([3, 4], [1, 2])).toBe(1);
  expect(auc([1, 2], [3, 4])).toBe(0);
  expect(auc([2, 5], [2, 3])).toBe((0.5 + 0 + 1 + 1) / 4);
});

test("hits are planted tiles among as many highest-scoring ones", () => {
  const scores = [0.1, 5, -2, 4, 3, 4.5];
  expect(topTiles(scores, 3)).toEqual([1, 5, 3]);
  expect(hits(scores, Int32Array.of(1, 4, 5))).toBe(2);
  expect(hits(scores, Int32Array.of())).toBe(0);
});

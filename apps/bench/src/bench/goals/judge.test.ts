import { expect, test } from "vitest";
import type { Row } from "../row.ts";
import { formatVerdicts } from "./format.ts";
import { judge } from "./judge.ts";

const base = { op: "dilated", dtype: "f16", pass: "forward", causal: false, suite: "attention", what: "" } as const;
const ours = (row: Partial<Row>): Row => ({ ...base, who: "dilated (matrix, default)", ...row });
const peer = (row: Partial<Row>): Row => ({ ...base, who: "PyTorch (torchscale's LongNet, FlashAttention-2)", ...row });
const linesOf = (rows: readonly Row[]): string[] =>
  formatVerdicts(judge(rows).filter(({ pass }) => pass !== undefined)).split("\n");

test("nothing is judged where nothing was measured", () => {
  expect(judge([]).every(({ pass }) => pass === undefined)).toBe(true);
});

test("faster than the peer only if at every size", () => {
  const rows = [ours({ size: 8192, ms: 1 }), peer({ size: 8192, ms: 2 }), ours({ size: 32_768, ms: 5 })];
  expect(linesOf(rows)).toEqual([expect.stringMatching(/^PASS.*every N.*8,192: 2.00x$/)]);
  const slower = [...rows, peer({ size: 32_768, ms: 4 })];
  expect(linesOf(slower)).toEqual([expect.stringMatching(/^FAIL.*8,192: 2.00x, 32,768: 0.80x$/)]);
});

test("limits, with the switches they are meant for", () => {
  const rows = [ours({ size: 1_048_576, ms: 60, peakBytes: 6.5e9 })];
  expect(linesOf(rows)).toEqual([
    expect.stringMatching(/^PASS {2}1.*the better switches <= 75 ms: 60 ms$/),
    expect.stringMatching(/^PASS {2}3\. peak tensor memory, forward.*<= 6.6 GB: 6.5 GB$/),
  ]);
  const timed = [80, 76].map((ms, i) =>
    ours({ size: 1_048_576, ms, who: `dilated (matrix, ${["fast", "default"][i]})` }),
  );
  expect(linesOf(timed)).toContainEqual(expect.stringMatching(/^FAIL.*the better switches <= 75 ms: 76 ms$/));
  const products = [ours({ op: "matmul", size: 8192, gflops: 250e3, who: "dilated (matrix, fast)" })];
  expect(linesOf(products)).toContainEqual(expect.stringMatching(/^FAIL.*fast switches >= 300 TFLOP/));
});

test("a result that was wrong fails its goal, and one that was skipped leaves it open", () => {
  const wrong = [ours({ op: "matmul", size: 8192, note: "WRONG: off" })];
  expect(linesOf(wrong)).toContainEqual(expect.stringMatching(/^FAIL.*matmul.*WRONG: off$/));
  expect(
    judge([ours({ op: "matmul", size: 8192, note: "skipped: no time" })]).every(({ pass }) => pass === undefined),
  ).toBe(true);
});

test("causal speed, flatness, and a loss that falls", () => {
  const size = 1_048_576;
  const causal = [ours({ size, ms: 100 }), ours({ size, ms: 60, causal: true })];
  expect(linesOf(causal)).toContainEqual(expect.stringMatching(/^PASS.*1.67x$/));
  const scaling = (ms: number): Row[] => [
    ours({ suite: "scaling", size: 131_072, ms: 10 }),
    ours({ suite: "scaling", size: 4_194_304, ms }),
  ];
  expect(linesOf(scaling(350))).toContainEqual(expect.stringMatching(/^PASS.*flat.*9.4 %/));
  expect(linesOf(scaling(400))).toContainEqual(expect.stringMatching(/^FAIL.*flat.*25.0 %/));
  const step = ours({
    op: "train",
    suite: "train",
    size: 32_768,
    pass: "forward+backward",
    causal: true,
    losses: [3, 2],
  });
  expect(linesOf([step])).toContainEqual(expect.stringMatching(/^PASS.*loss falls: 3.000 to 2.000$/));
});

import { expect, test } from "vitest";
import { columnsOf } from "./columns.ts";
import { describeTask } from "./row.ts";
import { formatTable } from "./table.ts";

const task = {
  suite: "train",
  op: "train",
  size: 8192,
  dtype: "mixed",
  pass: "forward+backward",
  causal: true,
} as const;

test("columns without a value are left out, and the unit fits", () => {
  const rows = [
    { what: "matmul", who: "dilated", ms: 1.23456, gflops: 35.25 },
    { what: "matmul", who: "peer", note: "failed: out of memory" },
  ];
  expect(formatTable(rows).split("\n")).toEqual([
    "what    who         ms  GFLOP/s  note",
    "------  -------  -----  -------  ---------------------",
    "matmul  dilated  1.235     35.3",
    "matmul  peer                     failed: out of memory",
  ]);
  expect(columnsOf([{ what: "", who: "", gflops: 150_000 }]).head).toContain("TFLOP/s");
});

test("ratios are to the peer that was not compiled", () => {
  const { head, cells } = columnsOf([
    { ...task, what: "step", who: "dilated (matrix, default)", ms: 2 },
    { ...task, what: "step", who: "PyTorch (eager)", ms: 3 },
    { ...task, what: "step", who: "PyTorch (compiled)", ms: 1 },
  ]);
  expect(cells.map((row) => row[head.indexOf("peer / ours")])).toEqual(["1.50x", "", ""]);
});

test("tasks for people", () => {
  expect(describeTask({ ...task, op: "dilated", dtype: "f16", pass: "forward" })).toBe(
    "dilated f16 forward, causal, N = 8,192",
  );
  expect(describeTask({ ...task, op: "matmul", dtype: "f16", causal: false })).toBe("matmul f16 8192^3");
});

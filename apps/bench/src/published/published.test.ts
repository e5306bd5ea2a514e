import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readResult } from "../bench/merge.ts";
import type { BenchResult } from "../bench/result.ts";
import type { Row } from "../bench/row.ts";
import { publishedTables } from "./tables.ts";

// The tables of the README and of docs/guide/performance.md are made from docs/bench/h200.json, the merged JSON of one run. After a new run:
//   npx vitest run --project unit apps/bench/src/published --update

const root = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
const RUN = root("docs/bench/h200.json");
const committed = existsSync(RUN) ? readResult(RUN) : undefined;

test.each(["README.md", "docs/guide/performance.md"])("%s shows the committed run", async (page) => {
  const text = readFileSync(root(page), "utf8");
  const [before, rest, ...more] = text.split("<!-- bench -->\n");
  const [, after] = rest?.split("<!-- /bench -->") ?? [];
  expect([typeof after, more.length]).toEqual(["string", 0]);
  const made = `${before}<!-- bench -->\n${publishedTables(committed)}\n<!-- /bench -->${after}`;
  await expect(made).toMatchFileSnapshot(root(page));
});

const base = { suite: "attention", op: "dilated", dtype: "f16", causal: false, what: "" } as const;
const [ours, eager, flash, cudnn] = [
  "dilated (matrix, default)",
  "PyTorch (torchscale's LongNet, FlashAttention-2)",
  "PyTorch (compiled, FlashAttention-2)",
  "PyTorch (compiled, cuDNN)",
];
const rows: Row[] = [8_192, 1_048_576].flatMap((size, i) => [
  { ...base, size, pass: "forward", who: ours, ms: 10, peakBytes: 6e9, firstMs: 500 },
  { ...base, size, pass: "forward", who: eager, ms: 20 + 10 * i, peakBytes: 18e9 },
  { ...base, size, pass: "forward", who: flash, ms: 8, peakBytes: 13e9 },
  { ...base, size, pass: "forward", who: cudnn, ms: 5 + 6 * i, peakBytes: 12e9, firstMs: 4_321 },
]);
const environment = {
  date: "2026-11-30T00",
  versions: { dilated: "abc", webgpu: "1" },
  devices: [],
  pytorch: "2.11",
  node: "v20",
};
const result = { environments: [environment], rows, failures: [] } as unknown as BenchResult;

test("ahead and behind, in words and in figures", () => {
  const text = publishedTables(result);
  expect(text).toContain("| forward | **2.00 to 3.00 times faster** | 1.25 to 2.00 times slower |");
  expect(text).toContain("| memory, forward, N = 1,048,576 | **3.00 times less** | **2.00 times less** |");
  expect(text).toContain("| forward, causal | not measured | not measured |");
  expect(text).toContain("| N = 1,048,576, full, ms | 10 / – | 30 / – | 8 / – | 11 / – |");
  expect(text).toContain("| its first run there, s | 0.5 / – | – | – | 4.32 / – |");
  expect(text).not.toContain("causal, ms"); // no line without a figure
  expect(text).toContain("commit `abc`");
});

test("a peer that is slower at one size and faster at another is said to be both", () => {
  const mixed = rows.filter(({ who }) => who !== flash).map((row) => (row.who === ours ? { ...row, ms: 9 } : row));
  expect(publishedTables({ ...result, rows: mixed })).toContain("from 1.80 times slower to 1.22 times faster");
});

test("without a run no figure is shown", () => {
  expect(publishedTables(undefined)).not.toMatch(/\d ms|\| /);
});

import { expect, test } from "vitest";
import type { Environment } from "../environment.ts";
import { judge } from "../goals/judge.ts";
import type { Row } from "../row.ts";
import { renderReport } from "./report.ts";

const environment: Environment = {
  date: "2026-01-01",
  node: "v20",
  versions: { dilated: "abc1234", webgpu: "0.6.2" },
  cpu: "a <fast> one",
  cores: 2,
  gpu: { name: "NVIDIA H100", driver: "580", usedBytes: 0, totalBytes: 80 * 2 ** 30 },
  devices: [],
  pytorch: "2.11",
};

const base = {
  suite: "attention",
  op: "dilated",
  dtype: "f16",
  pass: "forward",
  causal: false,
  what: "dilated f16",
} as const;
const rows: Row[] = [8192, 131_072].flatMap((size) => [
  {
    ...base,
    size,
    who: "dilated (matrix, default)",
    ms: size / 1e4,
    gflops: 1e5,
    utilisation: 0.101,
    kernels: [{ name: "forward", launches: 2, deviceMs: 3, hostMs: 0.1 }],
    peakBytes: size * 1e4,
  },
  {
    ...base,
    size,
    who: "PyTorch (torchscale's LongNet, FlashAttention-2)",
    ms: size / 5e3,
    gflops: 5e4,
    peakBytes: size * 3e4,
  },
]);

test("one page that needs nothing else: pictures, goals and numbers", async () => {
  const html = await renderReport({ environments: [environment], rows, failures: [] }, judge(rows));
  expect(html.match(/<svg/g)?.length).toBe(4);
  expect(html).toContain("a &lt;fast&gt; one");
  expect(html).toMatch(/<td class="PASS">PASS<\/td><td>1\. forward faster than PyTorch/);
  expect(html).toContain("<td>2.00x</td>");
  expect(html).toContain("<td>10.1 %</td>");
  expect(html).toContain("<td>forward</td><td>2</td><td>3.000</td><td>100.0 %</td>");
  expect(html).not.toMatch(/(src|href)="http/);
});

test("a report of nothing is still a page", async () => {
  expect(await renderReport({ environments: [environment], rows: [], failures: [] }, judge([]))).toContain("</html>");
});

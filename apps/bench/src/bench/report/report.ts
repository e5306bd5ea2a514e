import { formatEnvironment } from "../environment.ts";
import { describeGoal } from "../goals/format.ts";
import type { Verdict } from "../goals/judge.ts";
import type { BenchResult } from "../run.ts";
import { type Row, taskKey } from "../table.ts";
import { reportCharts } from "./charts.ts";
import { drawSvg } from "./draw.ts";
import { escapeHtml, page, table } from "./html.ts";

/** One HTML page that needs nothing else: environment, goals, plots, every number. */
export async function renderReport({ environment, rows }: BenchResult, verdicts: readonly Verdict[]): Promise<string> {
  const charts = await Promise.all(
    reportCharts(rows).map(
      async ({ spec, caption }) =>
        `<figure>${await drawSvg(spec)}<figcaption>${escapeHtml(caption)}</figcaption></figure>`,
    ),
  );
  return page("Dilated: benchmarks", [
    `<p>${formatEnvironment(environment).map(escapeHtml).join("<br>")}</p>`,
    "<p>Times are medians of at least five runs, the first run apart, on the device's clock (GPU timestamps; CUDA events for PyTorch). Every result was compared with the definition in float64 on sampled rows before it was timed; the error is relative to the largest value of the reference, for products absolute.</p>",
    ...(charts.length > 0 ? ["<h2>Pictures</h2>", `<div class="charts">${charts.join("")}</div>`] : []),
    ...(verdicts.some(({ pass }) => pass !== undefined) ? ["<h2>Goals, for one H100</h2>", goalTable(verdicts)] : []),
    "<h2>Numbers</h2>",
    rowTable(rows),
  ]);
}

function goalTable(verdicts: readonly Verdict[]): string {
  return table(
    ["", "goal", "measured"],
    verdicts.map(({ goal, pass, measured }) => [
      pass === undefined ? "not measured" : pass ? "PASS" : "FAIL",
      `${goal.id}. ${describeGoal(goal)}`,
      pass === undefined ? "" : measured,
    ]),
  );
}

const HEAD = [
  "what",
  "who",
  "device ms",
  "wall ms",
  "first ms",
  "runs",
  "TFLOP/s",
  "of peak",
  "tokens/s",
  "peer / ours",
  "peak MB",
  "process MB",
  "error",
  "note",
];

function rowTable(rows: readonly Row[]): string {
  const peers = new Map(
    rows.filter(({ who, ms }) => who.startsWith("PyTorch") && ms).map((row) => [`${row.suite} ${taskKey(row)}`, row]),
  );
  const cells = rows.map((row) => {
    const peer = row.who.startsWith("dilated") && row.op ? peers.get(`${row.suite} ${taskKey(row)}`) : undefined;
    return [
      row.what,
      row.who,
      number(row.gpuMs ?? row.ms, 3),
      number(row.wallMs, 2),
      number(row.firstMs, 0),
      number(row.runs, 0),
      row.gflops === undefined ? "" : (row.gflops / 1000).toPrecision(3),
      row.utilisation === undefined ? "" : `${(100 * row.utilisation).toFixed(1)} %`,
      number(row.tokensPerSecond, 0),
      peer?.ms && row.ms ? `${(peer.ms / row.ms).toFixed(2)}x` : "",
      number(row.peakBytes === undefined ? undefined : row.peakBytes / 1e6, 0),
      number(row.processBytes === undefined ? undefined : row.processBytes / 1e6, 0),
      row.error === undefined ? "" : row.error.toExponential(1),
      row.note ?? "",
    ];
  });
  const used = HEAD.map((_, i) => i < 3 || cells.some((row) => row[i] !== ""));
  return table(
    HEAD.filter((_, i) => used[i]),
    cells.map((row) => row.filter((_, i) => used[i])),
  );
}

function number(value: number | undefined, digits: number): string {
  if (value === undefined) return "";
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

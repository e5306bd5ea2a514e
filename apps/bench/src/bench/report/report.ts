import { columnsOf } from "../columns.ts";
import { formatEnvironment } from "../environment.ts";
import { describeGoal } from "../goals/format.ts";
import type { Verdict } from "../goals/judge.ts";
import type { BenchResult } from "../result.ts";
import type { Row } from "../row.ts";
import { reportCharts } from "./charts.ts";
import { drawSvg } from "./draw.ts";
import { escapeHtml, page, table } from "./html.ts";

/** One HTML page that needs nothing else: environment, goals, plots, every number. */
export async function renderReport(
  { environments, rows, failures, interrupted }: BenchResult,
  verdicts: readonly Verdict[],
): Promise<string> {
  const charts = await Promise.all(
    reportCharts(rows).map(
      async ({ spec, caption }) =>
        `<figure>${await drawSvg(spec)}<figcaption>${escapeHtml(caption)}</figcaption></figure>`,
    ),
  );
  const { head, cells } = columnsOf(rows);
  return page("Dilated: benchmarks", [
    ...environments.map((environment) => `<p>${formatEnvironment(environment).map(escapeHtml).join("<br>")}</p>`),
    ...(interrupted ? ["<p><b>This run was interrupted; what it had is here.</b></p>"] : []),
    ...failures.map(({ suite, reason }) => `<p><b>${escapeHtml(`${suite} ended early: ${reason}`)}</b></p>`),
    "<p>Times are medians of at least five runs, the first run apart, on the device's clock (GPU timestamps; CUDA events for PyTorch). Every result was compared with the definition in float64 on sampled rows before it was timed; the error is relative to the largest value of the reference, for products absolute.</p>",
    ...(charts.length > 0 ? ["<h2>Pictures</h2>", `<div class="charts">${charts.join("")}</div>`] : []),
    ...(verdicts.some(({ pass }) => pass !== undefined) ? ["<h2>Goals, for one H100</h2>", goalTable(verdicts)] : []),
    "<h2>Numbers</h2>",
    table(head, cells),
    ...kernelTables(rows),
  ]);
}

/** Kernel by kernel, folded away, for every row that was profiled. */
function kernelTables(rows: readonly Row[]): string[] {
  const profiled = rows.flatMap(({ what, who, kernels }) => (kernels?.length ? [{ what, who, kernels }] : []));
  if (profiled.length === 0) return [];
  const details = profiled.map(({ what, who, kernels }) => {
    const total = kernels.reduce((sum, { deviceMs }) => sum + (deviceMs ?? 0), 0);
    const lines = kernels.map(({ name, launches, deviceMs = 0, hostMs }) => [
      name,
      String(launches),
      deviceMs.toFixed(3),
      total > 0 ? `${((100 * deviceMs) / total).toFixed(1)} %` : "",
      hostMs.toFixed(3),
    ]);
    const body = table(["kernel", "launches", "device ms", "share", "host ms"], lines);
    return `<details><summary>${escapeHtml(`${what}: ${who}`)}</summary>${body}</details>`;
  });
  const note = "<p>One run more, each launch timed by itself, which makes it a little slower.</p>";
  return ["<h2>Where the time goes</h2>", note, ...details];
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

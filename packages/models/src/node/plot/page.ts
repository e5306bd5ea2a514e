import { type FieldsOf, field } from "@dilated/core";
import type { MetricsRecord } from "../metrics.ts";
import { chartSvg } from "./chart.ts";
import { chartsOf, type LossUnit } from "./charts.ts";
import { escapeXml } from "./escape.ts";
import { label } from "./ticks.ts";

/** What a page of a run shows. */
export interface PageOptions {
  /** @defaultValue "Training" */
  readonly title?: string | undefined;
  /** @defaultValue nats a token */
  readonly loss?: LossUnit | undefined;
}

export const PAGE_OPTIONS: FieldsOf<PageOptions> = {
  title: field.optional(field.string()),
  loss: field.optional(field.object({ name: field.string(), nats: field.positive() })),
};

const STYLE = `
  :root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
  body { max-width: 1340px; margin: 24px auto; padding: 0 16px; }
  h1 { font-size: 22px; margin: 0 0 4px; }
  p { margin: 0 0 16px; }
  #run { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: 16px; }
  #run p { grid-column: 1 / -1; margin: 0; }
  svg { width: 100%; border: 1px solid #8884; border-radius: 8px; font: 12px system-ui, sans-serif; fill: currentColor; }
  .title { font-size: 15px; font-weight: 600; }
  .axis { stroke: currentColor; fill: none; }
  .grid { stroke: #8883; fill: none; }
  .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }`;

/** Replaces the charts when the server sends new ones; it reconnects by itself. */
const LIVE = `
  const run = document.getElementById("run"), state = document.getElementById("state");
  const source = new EventSource("events");
  source.onmessage = (event) => { run.innerHTML = JSON.parse(event.data); state.textContent = "live"; };
  source.addEventListener("end", () => { source.close(); state.textContent = "the run has ended"; });
  source.onerror = () => { state.textContent = "no connection to the run"; };`;

/** One page, complete in itself: with `live`, it follows the run through the server that it came from. */
export function page(records: readonly MetricsRecord[], options: PageOptions, live: boolean): string {
  const title = escapeXml(options.title ?? "Training");
  const state = live ? '<p id="state">connecting</p>' : "";
  const script = live ? `<script>${LIVE}</script>` : "";
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}</style>
<h1>${title}</h1>
${state}
<div id="run">${pageBody(records, options)}</div>
${script}
</html>
`;
}

/** What changes from step to step. */
export function pageBody(
  records: readonly MetricsRecord[],
  { loss = { name: "nats a token", nats: 1 } }: PageOptions,
): string {
  return `<p>${escapeXml(summary(records, loss))}</p>${chartsOf(records, loss).map(chartSvg).join("")}`;
}

function summary(records: readonly MetricsRecord[], unit: LossUnit): string {
  const last = records.at(-1);
  if (!last) return "No step is done yet.";
  const { step, steps, tokensPerSecond, peakBytes } = last;
  const skipped = records.filter((record) => record.skipped).length;
  return [
    `Step ${label(step)} of ${label(steps)}`,
    ...(last.loss === null ? [] : [`loss ${(last.loss / unit.nats).toFixed(3)} ${unit.name}`]),
    `${Math.round(tokensPerSecond).toLocaleString("en")} tokens a second`,
    `${Math.round(peakBytes / 2 ** 20).toLocaleString("en")} MiB at most`,
    ...(skipped > 0 ? [`${skipped} steps skipped (overflow)`] : []),
  ].join(" · ");
}

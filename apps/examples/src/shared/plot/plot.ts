import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Canvas } from "@napi-rs/canvas";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { registerFonts, theme } from "./theme.ts";

/** A picture, as Vega-Lite says it: data, marks, scales, titles. */
export type Chart = TopLevelSpec;

/** How {@link savePlot} writes a picture. */
export interface SavePlotOptions {
  /** Pixels of the PNG for one of the chart. @defaultValue 2 */
  readonly scale?: number;
  /** SVG beside the PNG; leave it out where a chart has very many marks. @defaultValue true */
  readonly svg?: boolean;
}

/** What a chart looks like. */
export interface RenderedChart {
  readonly png: Uint8Array;
  readonly svg: string;
}

/**
 * Draws a chart in the examples' theme; what the chart's own `config` says wins.
 *
 * @example
 * ```
 * const chart: Chart = {
 *   title: { text: "Loss falls", subtitle: "One run" }, width: 480, height: 280,
 *   data: { values: [{ step: 1, loss: 2 }, { step: 2, loss: 1 }] }, mark: "line",
 *   encoding: { x: { field: "step", type: "quantitative" }, y: { field: "loss", type: "quantitative", title: "loss, nats" } },
 * };
 * console.log(await savePlot("out/run", "loss", chart)); // [ "out/run/loss.png", "out/run/loss.svg" ]
 * ```
 */
export async function renderPlot(chart: Chart, scale = 2): Promise<RenderedChart> {
  registerFonts();
  const view = new View(parse(compile(chart, { config: theme }).spec), { renderer: "none" });
  try {
    await view.runAsync();
    const svg = await view.toSVG();
    const canvas = (await view.toCanvas(scale)) as unknown as Canvas;
    return { png: await canvas.encode("png"), svg };
  } finally {
    view.finalize();
  }
}

/**
 * Writes `folder/name.png` and, if asked, `folder/name.svg`; makes the folder.
 *
 * @returns the paths written
 */
export async function savePlot(
  folder: string,
  name: string,
  chart: Chart,
  { scale = 2, svg = true }: SavePlotOptions = {},
): Promise<string[]> {
  const drawn = await renderPlot(chart, scale);
  const files: [string, string | Uint8Array][] = [[join(folder, `${name}.png`), drawn.png]];
  if (svg) files.push([join(folder, `${name}.svg`), drawn.svg]);
  await mkdir(folder, { recursive: true });
  for (const [path, content] of files) await writeFile(path, content);
  return files.map(([path]) => path);
}

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadImage } from "@napi-rs/canvas";
import { expect, test } from "vitest";
import { type Chart, renderPlot, savePlot } from "./plot.ts";

const chart: Chart = {
  title: { text: "Loss falls", subtitle: "one run" },
  width: 300,
  height: 100,
  data: { values: [1, 2, 3].map((step) => ({ step, loss: 4 / step, run: "first run" })) },
  mark: "line",
  encoding: {
    x: { field: "step", type: "quantitative" },
    y: { field: "loss", type: "quantitative", title: "loss, nats" },
    color: { field: "run", type: "nominal", title: null },
  },
};

test("writes a PNG at twice the size of the SVG, with every text in it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "plot-"));
  try {
    const [png = "", svg = ""] = await savePlot(join(folder, "new", "folder"), "loss", chart);
    const text = await readFile(svg, "utf8");
    for (const words of ["Loss falls", "one run", "loss, nats", "first run"]) expect(text).toContain(words);
    const [, width, height] = /width="([\d.]+)" height="([\d.]+)"/.exec(text) ?? [];
    const image = await loadImage(png);
    expect(image.width).toBeCloseTo(2 * Number(width), -1);
    expect(image.height).toBeCloseTo(2 * Number(height), -1);
    expect(Number(width)).toBeGreaterThan(300);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the same chart gives the same picture", async () => {
  const [a, b] = [await renderPlot(chart, 1), await renderPlot(chart, 1)];
  expect(a.svg).toBe(b.svg);
  expect(Buffer.compare(a.png, b.png)).toBe(0);
});

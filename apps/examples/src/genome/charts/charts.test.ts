import { expect, test } from "vitest";
import { renderPlot } from "../../shared/plot/plot.ts";
import { annotate } from "../annotate.ts";
import type { Answers, EmbeddedGenome } from "../evaluate.ts";
import { plantedGenome } from "../planted.fixture.ts";
import { mapChart } from "./map.ts";
import { pcaChart } from "./pca.ts";
import { regionChart } from "./region.ts";

const sequences = annotate([{ id: "x", description: "", bases: plantedGenome(60) }]);
const count = sequences[0]?.windows.length ?? 0;
const genome: EmbeddedGenome = {
  name: "Planted",
  sequences,
  vectors: Float32Array.from({ length: 4 * count }, (_, i) => Math.sin(i)),
};
const odds = Float32Array.from({ length: count }, (_, i) => Math.cos(i));
const answers: Answers = { scores: [], odds: { coding: odds, strand: odds } };

/** Width in pixels, and the text, of a chart. */
async function drawn(chart: Parameters<typeof renderPlot>[0]) {
  const { svg } = await renderPlot(chart, 1);
  return { svg, width: Number(/width="([\d.]+)"/.exec(svg)?.[1]) };
}

test("the region is one held-out stretch, and stays inside its frame", async () => {
  const { svg, width } = await drawn(regionChart(genome, answers));
  expect(width).toBeLessThan(1000);
  for (const words of ["Planted: genes", "forward strand", "position, thousand bases"]) expect(svg).toContain(words);
});

test("the map names its unit and the size of its bins", async () => {
  const { svg, width } = await drawn(mapChart(genome, answers));
  expect(width).toBeLessThan(1000);
  for (const words of ["position, thousand bases", "bins of 384 bases", "open reading frames"])
    expect(svg).toContain(words);
});

test("the embedding space shows every kind", async () => {
  const { svg } = await drawn(pcaChart(genome, 4));
  for (const words of ["gene on the forward strand", "gene on the reverse strand", "non-coding", "of the variance"])
    expect(svg).toContain(words);
});

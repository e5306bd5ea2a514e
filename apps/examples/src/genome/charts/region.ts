import type { Chart } from "../../shared/plot/plot.ts";
import { COLORS } from "../../shared/plot/theme.ts";
import type { Answers, EmbeddedGenome } from "../evaluate.ts";
import { probability } from "../probe.ts";
import { WINDOW } from "../windows.ts";

/** Bases that one picture shows well. */
const LONGEST = 50_000;

const FORWARD = "forward strand";
const REVERSE = "reverse strand";

/** A piece of a genome that nothing was learnt from: frames above, below what the embedding says about each window. */
export function regionChart({ name, sequences }: EmbeddedGenome, { odds }: Answers): Chart {
  const [sequence] = sequences;
  const windows = sequence?.windows ?? [];
  const first = Math.max(
    0,
    windows.findIndex(({ heldOut }) => heldOut),
  );
  const from = windows[first]?.start ?? 0;
  const rest = windows.slice(first, first + LONGEST / WINDOW);
  const seen = rest.findIndex(({ heldOut }) => !heldOut);
  const shown = seen < 0 ? rest : rest.slice(0, seen);
  const to = from + shown.length * WINDOW;
  const frames = (sequence?.orfs ?? [])
    .filter(({ start, end }) => end > from && start < to)
    .map(({ start, end, strand }) => ({
      from: Math.max(from, start) / 1000,
      to: Math.min(to, end) / 1000,
      strand: strand === "+" ? FORWARD : REVERSE,
      ...(strand === "+" ? { low: 0.08, high: 0.9 } : { low: -0.9, high: -0.08 }),
    }));
  const rows = shown.map(({ start }, i) => {
    const coding = probability(odds.coding[first + i] ?? 0);
    const forward = probability(odds.strand[first + i] ?? 0);
    return { from: start / 1000, to: (start + WINDOW) / 1000, plus: coding * forward, minus: -coding * (1 - forward) };
  });
  const x = {
    field: "from",
    type: "quantitative",
    title: "position, thousand bases",
    scale: { domain: [from / 1000, to / 1000], nice: false },
  };
  const color = {
    field: "strand",
    type: "nominal",
    title: null,
    scale: { domain: [FORWARD, REVERSE], range: [COLORS.blue, COLORS.red] },
    legend: { orient: "top" },
  };
  return {
    title: {
      text: `${name}: genes that the model has never seen`,
      subtitle: [
        "Top: open reading frames of 300 bases and more. Bottom: what the embedding of each window of 128 bases says, how likely it is",
        "coding times how likely each strand is. Empty places are non-coding.",
      ],
    },
    vconcat: [
      {
        width: 800,
        height: 60,
        data: { values: frames },
        mark: { type: "rect", cornerRadius: 2 },
        encoding: {
          x: { ...x, title: null, axis: { labels: false, ticks: false } },
          x2: { field: "to" },
          y: {
            field: "low",
            type: "quantitative",
            scale: { domain: [-1, 1] },
            title: "frames",
            axis: { labels: false, ticks: false, grid: false },
          },
          y2: { field: "high" },
          color,
        },
      },
      {
        width: 800,
        height: 150,
        data: {
          values: rows.flatMap(({ from: a, to: b, plus, minus }) => [
            { from: a, to: b, value: plus, zero: 0, strand: FORWARD },
            { from: a, to: b, value: minus, zero: 0, strand: REVERSE },
          ]),
        },
        mark: { type: "rect" },
        encoding: {
          x,
          x2: { field: "to" },
          y: {
            field: "value",
            type: "quantitative",
            scale: { domain: [-1, 1] },
            title: "probability: coding on this strand",
            axis: { values: [-1, -0.5, 0, 0.5, 1], labelExpr: "format(abs(datum.value), '.0%')" },
          },
          y2: { field: "zero" },
          color,
        },
      },
    ],
    spacing: 12,
  } as Chart;
}

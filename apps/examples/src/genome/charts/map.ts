import type { Chart } from "../../shared/plot/plot.ts";
import { COLORS } from "../../shared/plot/theme.ts";
import type { Answers, EmbeddedGenome } from "../evaluate.ts";
import { probability } from "../probe.ts";
import { WINDOW } from "../windows.ts";

/** At most so many bins along the genome. */
const BINS = 200;

/** The genome's first sequence from end to end: share of coding bases, and which strand the genes are on, by frames and by the embedding. */
export function mapChart({ name, sequences }: EmbeddedGenome, { odds }: Answers): Chart {
  const [sequence] = sequences;
  const windows = sequence?.windows ?? [];
  const perBin = Math.max(1, Math.ceil(windows.length / BINS));
  const [unit, scale] =
    (sequence?.bases.length ?? 0) > 500_000 ? (["million", 1e6] as const) : (["thousand", 1e3] as const);
  const rows = Array.from({ length: Math.ceil(windows.length / perBin) }, (_, bin) => {
    const members = windows.slice(bin * perBin, (bin + 1) * perBin);
    const mean = (of: (i: number) => number): number =>
      members.reduce((sum, _, i) => sum + of(bin * perBin + i), 0) / members.length;
    const window = (i: number) => windows[i] ?? { plus: 0, minus: 0 };
    const coding = (i: number): number => probability(odds.coding[i] ?? 0);
    return {
      from: (members[0]?.start ?? 0) / scale,
      to: ((members.at(-1)?.start ?? 0) + WINDOW) / scale,
      heldOut: members.every(({ heldOut }) => heldOut),
      coding: { frames: mean((i) => window(i).plus + window(i).minus), embedding: mean(coding) },
      strand: {
        frames: mean((i) => window(i).plus - window(i).minus),
        embedding: mean((i) => coding(i) * (2 * probability(odds.strand[i] ?? 0) - 1)),
      },
    };
  });
  const track = (question: "coding" | "strand", title: string, domain: [number, number]) => ({
    width: 760,
    height: 130,
    layer: [
      {
        data: { values: rows.filter(({ heldOut }) => heldOut) },
        mark: { type: "rect", color: "#F3E9D2", opacity: 0.8 },
        encoding: { x: { field: "from", type: "quantitative" }, x2: { field: "to" } },
      },
      {
        data: { values: series(rows, question) },
        mark: { type: "line", interpolate: "step-after", strokeWidth: 1.6 },
        encoding: {
          x: { field: "x", type: "quantitative", title: `position, ${unit} bases`, scale: { nice: false } },
          y: { field: "y", type: "quantitative", title, scale: { domain } },
          color: {
            field: "by",
            type: "nominal",
            sort: null,
            title: null,
            scale: { domain: [FRAMES, PREDICTED], range: [COLORS.grey, COLORS.blue] },
            legend: { orient: "top", symbolType: "stroke" },
          },
        },
      },
    ],
  });
  return {
    title: {
      text: `${name}, ${(sequence?.bases.length ?? 0).toLocaleString("en")} bases, embedded as one sequence`,
      subtitle: [
        `Means over bins of ${(perBin * WINDOW).toLocaleString("en")} bases. Shaded: stretches held out, which neither model nor probe has seen.`,
      ],
    },
    vconcat: [track("coding", "coding share", [0, 1]), track("strand", "reverse ← strand → forward", [-1, 1])],
  } as Chart;
}

const FRAMES = "open reading frames";
const PREDICTED = "predicted from the embedding";

interface Row {
  readonly from: number;
  readonly coding: { readonly frames: number; readonly embedding: number };
  readonly strand: { readonly frames: number; readonly embedding: number };
}

const series = (rows: readonly Row[], question: "coding" | "strand") =>
  rows.flatMap((row) => [
    { x: row.from, y: row[question].frames, by: FRAMES },
    { x: row.from, y: row[question].embedding, by: PREDICTED },
  ]);

import type { Chart } from "../shared/plot/plot.ts";
import { COLORS } from "../shared/plot/theme.ts";
import type { Evaluation } from "./evaluate.ts";

/** Every held-out slide as a dot: its score, by whether it is abnormal. */
export function scoresChart({ abnormalScores, healthyScores, accuracy, auc, hitRate, tiles }: Evaluation): Chart {
  const dots = (kind: string, scores: readonly number[]) => scores.map((score) => ({ kind, score }));
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  return {
    title: {
      text: "Held-out slides, told apart by their worst tile",
      subtitle: [
        `Each dot is a slide of ${tiles.toLocaleString("en")} tiles; its score is that of its highest-scoring tile. Right of the line: called abnormal.`,
        `${percent(accuracy)} called right; area under the ROC curve ${auc.toFixed(3)}; ${percent(hitRate)} of the abnormal tiles found.`,
      ],
    },
    width: 620,
    height: 150,
    layer: [
      {
        data: { values: [...dots("healthy slides", healthyScores), ...dots("abnormal slides", abnormalScores)] },
        mark: { type: "circle", size: 90, opacity: 0.6 },
        encoding: {
          x: { field: "score", type: "quantitative", title: "score of the slide" },
          y: { field: "kind", type: "nominal", title: null, axis: { labelFontSize: 13 } },
          color: {
            field: "kind",
            type: "nominal",
            legend: null,
            scale: { domain: ["healthy slides", "abnormal slides"], range: [COLORS.blue, COLORS.red] },
          },
        },
      },
      {
        data: { values: [{ x: 0 }] },
        mark: { type: "rule", strokeDash: [4, 4] },
        encoding: { x: { field: "x", type: "quantitative" } },
      },
    ],
  };
}

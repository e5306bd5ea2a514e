import type { Chart } from "../../shared/plot/plot.ts";
import { COLORS } from "../../shared/plot/theme.ts";
import { type Answers, EMBEDDING, type QuestionName, type Score } from "../evaluate.ts";
import { WINDOW } from "../windows.ts";

const TITLES: Record<QuestionName, string> = {
  coding: "Is it coding? (frame on either strand, or none)",
  strand: "Which strand is the gene on?",
};

/** How well windows are told apart, beside the baselines: one panel a question. */
export function rocChart(name: string, { scores }: Answers): Chart {
  const questions = [...new Set(scores.map(({ question }) => question))];
  return {
    title: {
      text: `${name}: telling windows of ${WINDOW} bases apart`,
      subtitle: [
        "Held-out stretches of the genome. Each line is a linear probe on one kind of features; its curve shows how many right hits",
        "it gets for how many false alarms. Area under the curve (AUC): 1 is perfect, 0.5 (dashed) is chance.",
      ],
    },
    hconcat: questions.map((question) =>
      panel(
        question,
        scores.filter((score) => score.question === question),
      ),
    ),
    spacing: 40,
  } as Chart;
}

function panel(question: QuestionName, scores: readonly Score[]) {
  const label = ({ features, roc }: Score): string => `${features}: ${roc.auc.toFixed(3)}`;
  const { yes = 0, no = 0 } = scores[0] ?? {};
  const [positive, negative] = question === "coding" ? ["coding", "non-coding"] : ["forward", "reverse"];
  const values = scores.flatMap((score) =>
    score.roc.points.map(({ falsePositives, truePositives }) => ({
      line: label(score),
      x: falsePositives,
      y: truePositives,
    })),
  );
  return {
    title: {
      text: TITLES[question],
      subtitle: `${yes.toLocaleString("en")} ${positive}, ${no.toLocaleString("en")} ${negative} windows`,
      fontSize: 13,
      offset: 8,
    },
    width: 320,
    height: 320,
    layer: [
      {
        data: {
          values: [
            { x: 0, y: 0 },
            { x: 1, y: 1 },
          ],
        },
        mark: { type: "line", strokeDash: [5, 4], color: COLORS.black, strokeWidth: 1 },
        encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" } },
      },
      {
        data: { values },
        mark: "line",
        encoding: {
          x: {
            field: "x",
            type: "quantitative",
            title: `false alarms: share of ${negative} windows`,
            axis: { format: ".0%" },
          },
          y: { field: "y", type: "quantitative", title: `hits: share of ${positive} windows`, axis: { format: ".0%" } },
          order: { field: "x" },
          color: {
            field: "line",
            type: "nominal",
            sort: null,
            title: "features: AUC",
            scale: { domain: scores.map(label), range: scores.map(({ features }) => colorOf(features)) },
            legend: {
              orient: "bottom-right",
              symbolType: "stroke",
              fillColor: "white",
              padding: 6,
              strokeColor: "#DDDDDD",
            },
          },
        },
      },
    ],
    resolve: { scale: { color: "independent" } },
  };
}

function colorOf(features: string): string {
  if (features === EMBEDDING) return COLORS.blue;
  return features === "GC content" ? COLORS.grey : COLORS.orange;
}

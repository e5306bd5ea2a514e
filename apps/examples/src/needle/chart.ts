import type { Chart } from "../shared/plot/plot.ts";
import { COLORS } from "../shared/plot/theme.ts";
import { meanAccuracies, type NeedleResult } from "./run.ts";
import { formatOctave } from "./table.ts";

const COLOR = { dilated: COLORS.blue, local: COLORS.red, dense: COLORS.grey } as const;

/** Right answers against distance: a line a pattern, a dot a seed, and chance. */
export function accuracyChart({ plan, patterns }: NeedleResult): Chart {
  const legend = (name: string, pairs: number): string => `${name}: ${formatCount(pairs)} pairs a layer`;
  const series = patterns.map(({ pattern }) => legend(pattern.name, pattern.pairs));
  const named = patterns.map((result, p) => ({ result, series: series[p] })).reverse(); // dense lies under what it bounds
  const lines = named.flatMap(({ result, series }) =>
    meanAccuracies(result).map((accuracy, i) => ({ series, distance: octave(result, i), accuracy })),
  );
  const dots = named.flatMap(({ result, series }) =>
    result.runs.flatMap(({ accuracies }) =>
      accuracies.map(({ right, asked }, i) => ({ series, distance: octave(result, i), accuracy: right / asked })),
    ),
  );
  const runs = patterns[0]?.runs.length ?? 0;
  const x = {
    field: "distance",
    type: "ordinal",
    sort: null,
    title: "distance between pair and question, tokens",
    axis: { labelAngle: 0 },
  } as const;
  const y = {
    field: "accuracy",
    type: "quantitative",
    title: "questions answered right",
    scale: { domainMin: 0, domainMax: 1 },
    axis: { format: ".0%" },
  } as const;
  const color = {
    field: "series",
    type: "nominal",
    sort: null,
    title: "attention: (query, key) pairs it computes",
    scale: { domain: series, range: patterns.map(({ pattern }) => COLOR[pattern.name]) },
    legend: { orient: "bottom", direction: "vertical", titleLimit: 500, symbolType: "stroke" },
  } as const;
  const chance = 1 / plan.task.values;
  return {
    title: {
      text: "How far attention can look something up",
      subtitle: [
        `${plan.task.keys} (key, value) pairs are hidden in ${plan.length.toLocaleString("en")} tokens; the last token asks for one. Same model`,
        `(${plan.layers} layers, width ${plan.dim}), data and ${plan.steps} training steps${runs > 1 ? `, ${runs} seeds (dots)` : ""}: only the pattern of attention differs.`,
      ],
    },
    width: 620,
    height: 320,
    layer: [
      {
        data: { values: [{ chance, label: `chance: 1 of ${plan.task.values} values` }] },
        layer: [
          {
            mark: { type: "rule", strokeDash: [5, 4], color: COLORS.black },
            encoding: { y: { field: "chance", type: "quantitative" } },
          },
          {
            mark: { type: "text", align: "left", dy: 14, fontSize: 12, color: COLORS.black, x: 8 },
            encoding: { y: { field: "chance", type: "quantitative" }, text: { field: "label" } },
          },
        ],
      },
      { data: { values: lines }, mark: { type: "line" }, encoding: { x, y, color } },
      {
        data: { values: dots },
        mark: { type: "point", filled: true, size: 45, opacity: 0.9 },
        encoding: { x, y, color },
      },
    ],
  };
}

const octave = (result: NeedleResult["patterns"][number], i: number): string => {
  const accuracy = result.runs[0]?.accuracies[i];
  return accuracy ? formatOctave(accuracy) : "";
};

/** 237056 -> "0.24 M" */
const formatCount = (count: number): string => `${(count / 1e6).toFixed(count < 1e7 ? 2 : 0)} M`;

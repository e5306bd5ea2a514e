import type { TopLevelSpec } from "vega-lite";

/** A picture of the report with the sentence that says how to read it. */
export interface ReportChart {
  readonly caption: string;
  readonly spec: TopLevelSpec;
}

/** One dot of a line: the line is told by who and what. */
export interface Point {
  readonly N: number;
  readonly y: number;
  readonly who: string;
  readonly pass: string;
}

/** One colour a runner, the same in every picture (Okabe and Ito's, told apart by people who see colours differently too). */
const COLORS: readonly (readonly [RegExp, string])[] = [
  [/^PyTorch/, "#D55E00"],
  [/default\)$/, "#0072B2"],
  [/fast\)$/, "#009E73"],
];
const OTHER = "#777777";

/** 8K, 128K, 1M: powers of two as people name them. */
const TOKENS = "datum.value >= 1048576 ? datum.value / 1048576 + 'M' : datum.value / 1024 + 'K'";

/** Lines over N, both axes with units; undefined where there is nothing to show. `rule` draws a level. */
export function chart(
  title: string,
  unit: string,
  caption: string,
  values: Point[],
  { rule, log = false }: { readonly rule?: number; readonly log?: boolean } = {},
): ReportChart | undefined {
  if (values.length === 0) return undefined;
  const who = [...new Set(values.map((point) => point.who))].sort();
  const range = who.map((name) => COLORS.find(([pattern]) => pattern.test(name))?.[1] ?? OTHER);
  const below = { title: null, orient: "bottom" as const, labelLimit: 420 };
  const N = { title: "N, tokens", labelExpr: TOKENS, values: [...new Set(values.map((point) => point.N))] };
  const encoding = {
    x: { field: "N", type: "quantitative", scale: { type: "log", base: 2 }, axis: N },
    y: { field: "y", type: "quantitative", scale: log ? { type: "log" } : { zero: true }, axis: { title: unit } },
    color: { field: "who", type: "nominal", scale: { domain: who, range }, legend: { ...below, columns: 1 } },
    strokeDash: { field: "pass", type: "nominal", legend: { ...below, columns: 1, symbolType: "stroke" } },
  };
  const lines = { mark: { type: "line", point: true }, encoding };
  const level = { mark: { type: "rule", color: "#888888" }, encoding: { y: { datum: rule ?? 0 } } };
  const spec = {
    title,
    width: 600,
    height: 440,
    autosize: { type: "fit", contains: "padding" },
    data: { values },
    layer: rule === undefined ? [lines] : [lines, level],
  };
  return { caption, spec: spec as TopLevelSpec };
}

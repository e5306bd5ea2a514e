import type { MetricsRecord } from "../metrics.ts";
import type { Chart, Series } from "./chart.ts";

/** What the loss is called and counted in. */
export interface LossUnit {
  /** @defaultValue "nats a token" */
  readonly name: string;
  /** Nats in one of the unit: ln 2 for bits. @defaultValue 1 */
  readonly nats: number;
}

const BLUE = "#2563eb";
const GREEN = "#0f9d58";
const PURPLE = "#7c3aed";
const RED = "#dc2626";
const EVALUATIONS = ["#d97706", GREEN, PURPLE, RED];
const SMOOTH = 0.9;

/** The charts of a run: loss with evaluations, learning rate, speed, length of the gradient. */
export function chartsOf(records: readonly MetricsRecord[], unit: LossUnit): Chart[] {
  const steps = records.at(-1)?.steps ?? 1;
  const points = (of: (record: MetricsRecord) => number | null | undefined): [number, number][] =>
    records.flatMap((record) => {
      const value = of(record);
      return typeof value === "number" ? [[record.step, value] as [number, number]] : [];
    });
  const loss = points(({ loss }) => (loss === null ? null : loss / unit.nats));
  const evaluations = [...new Set(records.flatMap(({ evaluation }) => Object.keys(evaluation ?? {})))];
  return [
    {
      title: "Loss (lower is better)",
      y: `loss, ${unit.name}`,
      steps,
      series: [
        { name: "training", color: "#93b4f5", points: loss },
        { name: "smoothed", color: BLUE, points: smooth(loss) },
        ...evaluations.map((name, i): Series => {
          const color = EVALUATIONS[i % EVALUATIONS.length] as string;
          return { name, color, marks: true, points: points(({ evaluation }) => evaluation?.[name]) };
        }),
      ],
    },
    {
      title: "Learning rate",
      y: "learning rate",
      steps,
      fromZero: true,
      series: [{ name: "learning rate", color: PURPLE, points: points(({ learningRate }) => learningRate) }],
    },
    {
      title: "Speed (mean since the start)",
      y: "tokens a second",
      steps,
      fromZero: true,
      series: [{ name: "tokens a second", color: GREEN, points: points(({ tokensPerSecond }) => tokensPerSecond) }],
    },
    {
      title: "Length of the gradient, before clipping",
      y: "gradient norm",
      steps,
      fromZero: true,
      series: [{ name: "gradient norm", color: RED, points: points(({ gradNorm }) => gradNorm) }],
    },
  ];
}

/** Exponential mean, corrected for its start. */
function smooth(points: readonly (readonly [number, number])[]): [number, number][] {
  let [sum, weight] = [0, 0];
  return points.map(([step, value]) => {
    sum = SMOOTH * sum + (1 - SMOOTH) * value;
    weight = SMOOTH * weight + (1 - SMOOTH);
    return [step, sum / weight];
  });
}

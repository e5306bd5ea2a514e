import { peerRatios } from "../peer-ratio.ts";
import type { Row } from "../row.ts";
import { chart, type Point, type ReportChart } from "./chart-spec.ts";

/** Every chart for which there is something to show. */
export function reportCharts(rows: readonly Row[]): ReportChart[] {
  const dilated = rows.filter(({ op, dtype }) => op === "dilated" && dtype === "f16");
  const attention = dilated.filter(({ suite }) => suite === "attention");
  const scaling = dilated.filter(({ suite, pass }) => suite === "scaling" && pass === "forward");
  const forward = attention.filter(({ causal, pass }) => !causal && pass === "forward");
  const memory = dilated.filter(({ suite }) => suite === "memory");
  const used = memory.length > 0 ? memory : attention.filter(({ causal }) => causal === false);
  const ratios = peerRatios(rows);
  return [
    chart(
      "How many times faster than PyTorch",
      "PyTorch's time / ours",
      "Above 1 (the grey line) Dilated is faster. Dilated attention, f16, H = 12, D = 64; time on the device.",
      pointsOf(attention, (row) => ratios.get(row)),
      { rule: 1 },
    ),
    chart(
      "TFLOP/s",
      "TFLOP/s",
      "Operations by the convention 4·D·H·Σ N·w/r² (3.5 times that with backward; causal is not taken off), divided by the time on the device.",
      pointsOf(
        attention.filter(({ causal }) => causal === false),
        ({ gflops }) => gflops && gflops / 1000,
      ),
    ),
    chart(
      "Peak memory",
      "GB of tensors",
      "Operands, results and everything in between that was alive at once. Memory grows with N, not with N²: doubling N doubles it.",
      pointsOf(used, ({ peakBytes }) => peakBytes && peakBytes / 1e9),
      { log: true },
    ),
    chart(
      "Time of a token",
      "ns / token",
      "Forward, f16, full attention within segments up to 32,768: flat means that twice the tokens cost twice the time.",
      pointsOf(
        [...scaling, ...forward.filter(({ who }) => scaling.length === 0 || who.startsWith("PyTorch"))],
        ({ ms, size }) => ms && size && (ms * 1e6) / size,
      ),
      { log: true },
    ),
  ].filter((drawn): drawn is ReportChart => drawn !== undefined);
}

function pointsOf(rows: readonly Row[], value: (row: Row) => number | undefined): Point[] {
  return rows.flatMap((row) => {
    const y = value(row);
    if (y === undefined || row.size === undefined) return [];
    return [{ N: row.size, y, who: row.who, pass: `${row.pass}${row.causal ? ", causal" : ""}` }];
  });
}

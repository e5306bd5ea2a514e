import { ANY_PEER, peerRatios } from "./peer-ratio.ts";
import type { Row } from "./row.ts";

/** A table as text: titles, and a cell a column for each row. */
export interface Columns {
  readonly head: readonly string[];
  readonly cells: readonly (readonly string[])[];
}

/** What tables show of rows, on the console and in the report; columns in which nothing would stand are left out. */
export function columnsOf(rows: readonly Row[]): Columns {
  const rate = rateUnit(rows);
  const ratios = peerRatios(rows);
  const best = peerRatios(rows, ANY_PEER);
  const columns: Readonly<Record<string, (row: Row) => string>> = {
    what: ({ what }) => what,
    who: ({ who }) => who,
    ms: ({ ms }) => fixed(ms, 3),
    "wall ms": ({ wallMs }) => fixed(wallMs, 2),
    "first ms": ({ firstMs }) => fixed(firstMs, 0),
    "mask ms": ({ maskMs }) => fixed(maskMs, 1),
    runs: ({ runs }) => fixed(runs, 0),
    [rate.unit]: ({ gflops }) => (gflops === undefined ? "" : (gflops / rate.gflops).toPrecision(3)),
    "of peak": ({ utilisation }) => (utilisation === undefined ? "" : `${(100 * utilisation).toFixed(1)} %`),
    "tokens/s": ({ tokensPerSecond }) => fixed(tokensPerSecond, 0),
    "peer / ours": (row) => (ratios.has(row) ? `${fixed(ratios.get(row), 2)}x` : ""),
    "best peer / ours": (row) => (best.has(row) ? `${fixed(best.get(row), 2)}x` : ""),
    "peak MB": ({ peakBytes }) => fixed(peakBytes && peakBytes / 1e6, 0),
    "process MB": ({ processBytes }) => fixed(processBytes && processBytes / 1e6, 0),
    "max error": ({ error }) => (error === undefined ? "" : error.toExponential(1)),
    note: ({ note }) => note ?? "",
  };
  const used = Object.entries(columns).filter(([, cell]) => rows.some((row) => cell(row) !== ""));
  return { head: used.map(([title]) => title), cells: rows.map((row) => used.map(([, cell]) => cell(row))) };
}

/** A unit in which the rates of all rows are readable: GPUs do TFLOP/s, processors GFLOP/s. */
function rateUnit(rows: readonly Row[]): { readonly unit: string; readonly gflops: number } {
  const most = rows.reduce((highest, { gflops = 0 }) => Math.max(highest, gflops), 0);
  return most < 1000 ? { unit: "GFLOP/s", gflops: 1 } : { unit: "TFLOP/s", gflops: 1000 };
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? "" : value.toFixed(digits);
}

import { type Row, taskKey } from "../bench/row.ts";

const OURS = /^dilated \(.*default\)/;
const EAGER = /^PyTorch \((torchscale|eager)/;
const COMPILED = /^PyTorch \(compiled/;

type Value = (row: Row) => number | undefined;
const ms: Value = (row) => row.ms;
const firstMs: Value = (row) => row.firstMs;
const bytes: Value = (row) => row.peakBytes;

/** Where we are ahead and where behind, as one table: ratios over all sizes, the lowest to the highest. */
export function standing(rows: readonly Row[]): string {
  const dilated = (pass: Row["pass"], causal: boolean): Row[] =>
    rows.filter(
      (row) =>
        row.suite === "attention" &&
        row.op === "dilated" &&
        row.dtype === "f16" &&
        row.pass === pass &&
        row.causal === causal,
    );
  const large = (pass: Row["pass"]): Row[] => dilated(pass, false).filter(({ size }) => size === 1_048_576);
  const step = rows.filter(({ op }) => op === "train");
  const lines: [string, Row[], Value, [string, string]][] = [
    ["forward", dilated("forward", false), ms, TIME],
    ["forward, causal", dilated("forward", true), ms, TIME],
    ["forward + backward", dilated("forward+backward", false), ms, TIME],
    ["forward + backward, causal", dilated("forward+backward", true), ms, TIME],
    ["training step", step, ms, TIME],
    ["first training step, what it compiles included", step, firstMs, TIME],
    ["memory, forward, N = 1,048,576", large("forward"), bytes, MEMORY],
    ["memory, forward + backward, N = 1,048,576", large("forward+backward"), bytes, MEMORY],
    ["memory, training step", step, bytes, MEMORY],
  ];
  const body = lines.map(
    ([name, of, value, words]) =>
      `| ${name} | ${compared(of, EAGER, value, words)} | ${compared(of, COMPILED, value, words)} |`,
  );
  return [
    "| Dilated is | against PyTorch, eager | against the better of PyTorch, compiled |",
    "|---|---|---|",
    ...body,
  ].join("\n");
}

const TIME: [string, string] = ["faster", "slower"];
const MEMORY: [string, string] = ["less", "more"];

/** Ratios to the best of the peers, size by size. */
function compared(rows: readonly Row[], who: RegExp, value: Value, [better, worse]: [string, string]): string {
  const ratios = rows
    .filter((row) => OURS.test(row.who))
    .flatMap((row) => {
      const peers = rows.filter((peer) => who.test(peer.who) && taskKey(peer) === taskKey(row));
      const known = peers.map(value).filter((found) => found !== undefined);
      const own = value(row);
      return own && known.length > 0 ? [Math.min(...known) / own] : [];
    });
  if (ratios.length === 0) return "not measured";
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
  if (low >= 1) return `**${span(low, high)} times ${better}**`;
  if (high < 1) return `${span(1 / high, 1 / low)} times ${worse}`;
  return `from ${(1 / low).toFixed(2)} times ${worse} to ${high.toFixed(2)} times ${better}`;
}

function span(low: number, high: number): string {
  const [from, to] = [low.toFixed(2), high.toFixed(2)];
  return from === to ? from : `${from} to ${to}`;
}

import type { GenomeResult } from "./run.ts";
import { WINDOW } from "./windows.ts";

/** Areas under the curves as text: a row a question and genome, a column a kind of features. */
export function scoreTable({ genomes, answers }: GenomeResult): string {
  const features = [...new Set(answers[0]?.scores.map((score) => score.features))];
  const width = Math.max(...genomes.map(({ name }) => name.length)) + 10;
  const row = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(width) : cell.padStart(features[i - 1]?.length ?? 0))).join("   ");
  const body = answers.flatMap(({ scores }, g) =>
    [...new Set(scores.map(({ question }) => question))].map((question) => {
      const areas = scores.filter((score) => score.question === question).map(({ roc }) => roc.auc.toFixed(3));
      return row([`${genomes[g]?.name}, ${question}`, ...areas]);
    }),
  );
  return ["area under the ROC curve, windows that were not learnt from (0.5: chance)", row(["", ...features]), ...body]
    .map((line) => `  ${line}`)
    .join("\n");
}

/** One line a window: where, what it is by frames, what the embedding says. */
export function windowsTsv({ genomes, answers }: GenomeResult): string {
  const lines = ["sequence\tstart\tend\tforward\treverse\tkind\theld_out\tcoding_log_odds\tforward_log_odds"];
  genomes.forEach(({ sequences }, g) => {
    let i = 0;
    for (const { id, windows } of sequences) {
      for (const { start, plus, minus, kind, heldOut } of windows) {
        const odds = [answers[g]?.odds.coding[i], answers[g]?.odds.strand[i]].map((value) => value?.toFixed(3) ?? "");
        lines.push(
          [id, start, start + WINDOW, plus.toFixed(3), minus.toFixed(3), kind, Number(heldOut), ...odds].join("\t"),
        );
        i++;
      }
    }
  });
  return `${lines.join("\n")}\n`;
}

import { plot } from "asciichart";

/** The loss curve as text, in bits a byte: at most `width` columns, each the mean of its steps. */
export function lossPlot(losses: readonly number[], width = 64): string {
  if (losses.length < 2) return "";
  const columns = Math.min(width, losses.length);
  const means = Array.from({ length: columns }, (_, i) => {
    const part = losses.slice(
      Math.floor((i * losses.length) / columns),
      Math.floor(((i + 1) * losses.length) / columns),
    );
    return part.reduce((sum, loss) => sum + loss, 0) / part.length / Math.LN2;
  });
  const chart = plot(means, { height: 10, format: (bits: number) => bits.toFixed(2).padStart(6) });
  return `  training loss, bits a byte\n${chart}\n        step 1 ${" ".repeat(Math.max(1, columns - 16))}step ${losses.length}`;
}

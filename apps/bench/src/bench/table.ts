/** One measured line: who did what, how fast. */
export interface Row {
  readonly what: string;
  readonly who: string;
  /** Milliseconds; absent when it could not be done, and then `note` says why. */
  readonly ms?: number;
  readonly firstMs?: number;
  readonly gflops?: number;
  /** Largest difference from the reference, before timing. */
  readonly error?: number;
  readonly note?: string;
}

/** The rows as aligned text. */
export function formatTable(rows: readonly Row[]): string {
  const head = ["what", "who", "ms (median)", "first ms", "GFLOP/s", "max error", "note"];
  const cells = rows.map(({ what, who, ms, firstMs, gflops, error, note }) => [
    what,
    who,
    fixed(ms, 2),
    fixed(firstMs, 1),
    fixed(gflops, 1),
    error === undefined ? "" : error.toExponential(1),
    note ?? "",
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i < 2 || i === 6 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...cells.map(line)].join("\n");
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? "" : value.toFixed(digits);
}

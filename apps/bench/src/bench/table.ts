import { columnsOf } from "./columns.ts";
import type { Row } from "./row.ts";

/** The rows as aligned text; columns without a value are left out. */
export function formatTable(rows: readonly Row[]): string {
  const { head, cells } = columnsOf(rows);
  const isText = head.map((title) => ["what", "who", "note"].includes(title));
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const pad = (cell: string, i: number): string =>
    isText[i] ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  const line = (row: readonly string[]): string => row.map(pad).join("  ").trimEnd();
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...cells.map(line)].join("\n");
}

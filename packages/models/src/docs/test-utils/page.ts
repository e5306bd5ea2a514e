import { readFileSync } from "node:fs";

/** One row of a page's table of steps. */
export interface StepRow {
  /** Part of the model: "self-attention, in each layer". */
  readonly part: string;
  /** What the value is called: q, x, logits. */
  readonly value: string;
  /** Function that makes it; undefined for inputs. */
  readonly step: string | undefined;
  readonly what: string;
  /** In letters: "[B, N, G·D]". */
  readonly shape: string;
  /** At the page's sizes: [2, 48, 16]. */
  readonly here: readonly number[];
}

/** What a page of docs/models says that can be checked. */
export interface ModelPage {
  /** The argument of its `createModel`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Sizes by letter, from the line "With B = 2, N = 48, ...". */
  readonly sizes: Readonly<Record<string, number>>;
  readonly rows: readonly StepRow[];
}

export const DOCS: URL = new URL("../../../../../docs/", import.meta.url);

export function readPage(name: string): ModelPage {
  const text = readFileSync(new URL(`models/${name}.md`, DOCS), "utf8");
  const literal = /createModel\(device, (\{[\s\S]*?\})\);/.exec(text)?.[1] ?? "";
  const sizes = Object.fromEntries(
    [...(/^With .*$/m.exec(text)?.[0].matchAll(/\b([A-Z]) = (\d+)/g) ?? [])].map(sizeOf),
  );
  const table = /\| part \| value[^\n]*\n\|[-|]+\|\n((?:\|[^\n]*\n)+)/.exec(text)?.[1] ?? "";
  let part = "";
  const rows = table
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [named = "", value = "", step = "", what = "", shape = "", here = ""] = cellsOf(line);
      part = named || part;
      return { part, value, step: /`(\w+)`/.exec(step)?.[1], what, shape, here: JSON.parse(here) as number[] };
    });
  // A literal of plain data, of a page of ours.
  return { options: new Function(`return (${literal})`)(), sizes, rows };
}

function sizeOf([, letter = "", number]: RegExpMatchArray): [string, number] {
  return [letter, Number(number)];
}

function cellsOf(line: string): string[] {
  return line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** "[B, L + 1, G·D]" at given sizes. */
export function shapeAt(shape: string, sizes: Readonly<Record<string, number>>): number[] {
  const factor = (text: string): number => sizes[text] ?? Number(text);
  const term = (text: string): number =>
    text
      .split("·")
      .map((product) =>
        product
          .split("/")
          .map(factor)
          .reduce((a, b) => a / b),
      )
      .reduce((a, b) => a * b);
  const axis = (text: string): number =>
    text
      .split(" + ")
      .map(term)
      .reduce((a, b) => a + b);
  return shape.slice(1, -1).split(", ").filter(Boolean).map(axis);
}

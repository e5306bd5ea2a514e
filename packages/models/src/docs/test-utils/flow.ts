import type { StepRow } from "./page.ts";
import { arrow, box, INK, svg, text } from "./svg.ts";

const WIDTH = 560;
const MARGIN = 16;
const INDENT = 26;
const ROW = 26;
const LANE = 40;
const GAP = 10;

/** Rows that stand side by side: the ways of q, k and v up to attention. */
const LANES = ["q", "k", "v"];

const COLORS: readonly (readonly [RegExp, string])[] = [
  [/self-attention/, INK.blue],
  [/cross-attention/, INK.purple],
  [/feed-forward/, INK.orange],
  [/output|loss/, INK.green],
];

/**
 * The steps of a model from top to bottom, a panel a part, with shapes in letters and at the page's sizes. Parts named "encoder: ..." and "decoder: ..." stand
 * side by side.
 */
export function flow(title: string, rows: readonly StepRow[]): string {
  const stacks = groupBy(rows, ({ part }) => (part.includes(":") ? part.split(":")[0] : ""));
  const drawn = stacks.map((stack, i) => drawStack(stack, MARGIN + i * (WIDTH + 40)));
  const height = Math.max(...drawn.map((stack) => stack.bottom)) + MARGIN;
  const [first, second] = drawn;
  const across =
    first && second?.cross !== undefined
      ? [
          arrow(
            [
              [MARGIN + WIDTH, first.bottom - 18],
              [MARGIN + WIDTH + 18, first.bottom - 18],
              [MARGIN + WIDTH + 18, second.cross],
              [MARGIN + WIDTH + 40, second.cross],
            ],
            INK.purple,
          ),
        ]
      : [];
  const body = drawn.flatMap((stack) => stack.body);
  return svg(2 * MARGIN + stacks.length * WIDTH + (stacks.length - 1) * 40, height, title, [...body, ...across]);
}

interface DrawnStack {
  readonly body: readonly string[];
  readonly bottom: number;
  /** Where another stack's output enters. */
  readonly cross: number | undefined;
}

function drawStack(rows: readonly StepRow[], x: number): DrawnStack {
  const body: string[] = [];
  let y = MARGIN;
  let cross: number | undefined;
  for (const panel of groupBy(rows, ({ part }) => part)) {
    const part = panel[0]?.part ?? "";
    const color = COLORS.find(([pattern]) => pattern.test(part))?.[1] ?? INK.grey;
    const top = y;
    if (y > MARGIN)
      body.push(
        arrow([
          [x + WIDTH / 2, y - GAP - 6],
          [x + WIDTH / 2, y],
        ]),
      );
    y += 22;
    if (part.includes("cross")) cross = top + 12;
    const inner: string[] = [text(x + INDENT, top + 16, part, { bold: true, color, size: 13 })];
    for (const run of groupBy(panel, ({ value }) => (LANES.includes(value) ? "lanes" : ""))) {
      const lanes = LANES.includes(run[0]?.value ?? "");
      const next = lanes ? drawLanes(run, x, y, color) : drawRows(run, x, y, color, top);
      inner.push(...next.body);
      y = next.bottom;
    }
    y += 6;
    body.push(box([x, top, WIDTH, y - top], color, { opacity: 0.1 }), ...inner);
    y += GAP + 6;
  }
  return { body, bottom: y - GAP - 6, cross };
}

type Drawn = Pick<DrawnStack, "body" | "bottom">;

function drawRows(rows: readonly StepRow[], x: number, y: number, color: string, top: number): Drawn {
  const body: string[] = [];
  for (const { step, value, what, shape, here } of rows) {
    const name = step ?? value;
    const middle = y + ROW / 2;
    body.push(
      box([x + INDENT, y, WIDTH - INDENT - 8, ROW - 4], "white", { stroke: color }),
      text(x + INDENT + 8, y + 15, name, { bold: true }),
      text(x + INDENT + 16 + name.length * 7.4, y + 15, what, { color: INK.grey, size: 11.5 }),
      text(x + WIDTH - 106, y + 15, shape, { mono: true, anchor: "end" }),
      text(x + WIDTH - 14, y + 15, `[${here.join(", ")}]`, { mono: true, anchor: "end", size: 10, color: INK.grey }),
    );
    if (what.includes("residual"))
      body.push(
        arrow(
          [
            [x + WIDTH / 2, top - GAP],
            [x + 12, top - GAP],
            [x + 12, middle - 2],
            [x + INDENT, middle - 2],
          ],
          color,
        ),
      );
    y += ROW;
  }
  return { body, bottom: y };
}

function drawLanes(rows: readonly StepRow[], x: number, y: number, color: string): Drawn {
  const body: string[] = [];
  const width = (WIDTH - INDENT - 8 - 2 * 8) / 3;
  let bottom = y;
  for (const [lane, name] of LANES.entries()) {
    let at = y;
    for (const { step = "", what, shape } of rows.filter(({ value }) => value === name)) {
      const left = x + INDENT + lane * (width + 8);
      body.push(
        box([left, at, width, LANE - 4], "white", { stroke: color }),
        text(left + 8, at + 15, `${name}  ${step}`, { bold: true }),
        text(left + 8, at + 29, shape, { mono: true, size: 11 }),
        text(left + width - 6, at + 29, what, { anchor: "end", size: 10, color: INK.grey }),
      );
      at += LANE;
    }
    bottom = Math.max(bottom, at);
  }
  return { body, bottom };
}

/** Runs of neighbours with one key. */
function groupBy<T>(items: readonly T[], key: (item: T) => unknown): T[][] {
  const groups: T[][] = [];
  let last: unknown;
  for (const item of items) {
    const group = groups.at(-1);
    if (group && key(item) === last) group.push(item);
    else groups.push([item]);
    last = key(item);
  }
  return groups;
}

import { escapeXml } from "./escape.ts";
import { label, ticks } from "./ticks.ts";

/** A line, or points, over the training step. */
export interface Series {
  readonly name: string;
  readonly color: string;
  readonly points: readonly (readonly [step: number, value: number])[];
  /** Marks each point: for few of them. */
  readonly marks?: boolean;
}

/** One chart. */
export interface Chart {
  readonly title: string;
  /** Name and unit of the vertical axis. */
  readonly y: string;
  readonly series: readonly Series[];
  /** Steps in all: the horizontal axis goes to there. */
  readonly steps: number;
  /** The vertical axis starts at 0. @defaultValue at the smallest value */
  readonly fromZero?: boolean;
}

const WIDTH = 640;
const HEIGHT = 314;
const PLOT = { left: 76, right: 620, top: 58, bottom: 264 };
const MOST_POINTS = 500;

/** A chart as SVG: title, axes with names and round numbers, a legend. Text takes the colour around it. */
export function chartSvg({ title, y, series, steps, fromZero = false }: Chart): string {
  const drawn = series.map((one) => ({ ...one, points: thin(one.points) })).filter(({ points }) => points.length > 0);
  const values = drawn.flatMap(({ points }) => points.map(([, value]) => value));
  const [low, high] = range(values, fromZero);
  const px = (step: number): number => PLOT.left + ((step - 1) / Math.max(1, steps - 1)) * (PLOT.right - PLOT.left);
  const py = (value: number): number => PLOT.bottom - ((value - low) / (high - low)) * (PLOT.bottom - PLOT.top);
  const xTicks = [
    ...new Set([1, ...ticks(1, Math.max(2, steps), 6).filter((step) => Number.isInteger(step) && step > 1)]),
  ];
  const parts = [
    `<text x="${PLOT.left}" y="18" class="title">${escapeXml(title)}</text>`,
    ...ticks(low, high, 5).map((tick) => yTick(py(tick), label(tick))),
    ...xTicks.map((tick) => text(px(tick), PLOT.bottom + 18, label(tick), "middle")),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 38, "training step", "middle"),
    `<text transform="translate(16 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeXml(y)}</text>`,
    `<path d="M${PLOT.left} ${PLOT.top}V${PLOT.bottom}H${PLOT.right}" class="axis"/>`,
    ...drawn.map((one) => line(one, px, py)),
    ...(values.length === 0 ? [text((PLOT.left + PLOT.right) / 2, 150, "no steps yet", "middle")] : []),
    ...legend(drawn),
  ];
  const name = `${title}: ${y} over the training step`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(name)}">${parts.join("")}</svg>`;
}

/** At most {@link MOST_POINTS} points, each the mean of its neighbours. */
function thin(points: Series["points"]): Series["points"] {
  if (points.length <= MOST_POINTS) return points;
  return Array.from({ length: MOST_POINTS }, (_, i) => {
    const from = Math.floor((i * points.length) / MOST_POINTS);
    const part = points.slice(from, Math.floor(((i + 1) * points.length) / MOST_POINTS));
    const mean = (axis: 0 | 1): number => part.reduce((sum, point) => sum + point[axis], 0) / part.length;
    return [mean(0), mean(1)];
  });
}

function range(values: readonly number[], fromZero: boolean): [number, number] {
  if (values.length === 0) return [0, 1];
  const most = values.reduce((a, b) => Math.max(a, b));
  const least = fromZero ? Math.min(0, most) : values.reduce((a, b) => Math.min(a, b));
  const room = (most - least) * 0.05 || Math.abs(most) * 0.1 || 1;
  return [fromZero ? least : least - room, most + room];
}

function line({ points, color, marks }: Series, px: (x: number) => number, py: (y: number) => number): string {
  const at = points.map(([step, value]) => `${px(step).toFixed(1)} ${py(value).toFixed(1)}`);
  const path = `<path d="M${at.join("L")}" class="line" stroke="${color}"/>`;
  if (!marks && points.length > 1) return path;
  const dots = at.map((point) => `<circle cx="${point.replace(" ", '" cy="')}" r="3.5" fill="${color}"/>`);
  return path + dots.join("");
}

/** Name and last value of each series, in two rows where one is not enough. */
function legend(series: readonly Series[]): string[] {
  let [x, y] = [PLOT.left, 34];
  return series.map(({ name, color, points }) => {
    const entry = `${name} ${label(Number((points.at(-1)?.[1] ?? 0).toPrecision(4)))}`;
    const width = 32 + entry.length * 6.2;
    if (x + width > WIDTH) [x, y] = [PLOT.left, y + 15];
    const here = x;
    x += width;
    return `<rect x="${here.toFixed(1)}" y="${y - 6}" width="12" height="4" fill="${color}"/>${text(here + 17, y, entry, "start")}`;
  });
}

function yTick(y: number, name: string): string {
  return `<path d="M${PLOT.left} ${y.toFixed(1)}H${PLOT.right}" class="grid"/>${text(PLOT.left - 8, y + 4, name, "end")}`;
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

/** Okabe and Ito's colours, told apart by people who see colours differently too. */
export const INK = {
  blue: "#0072B2",
  orange: "#E69F00",
  green: "#009E73",
  red: "#D55E00",
  purple: "#CC79A7",
  grey: "#6B6B6B",
  light: "#D9D9D9",
  black: "#222222",
} as const;

export const SANS = "Inter, Helvetica, Arial, sans-serif";
const MONO = "ui-monospace, Menlo, Consolas, monospace";

/** How a text is set. */
export interface TextStyle {
  readonly size?: number;
  readonly color?: string;
  readonly bold?: boolean;
  readonly mono?: boolean;
  readonly anchor?: "start" | "middle" | "end";
}

export function text(x: number, y: number, value: string, style: TextStyle = {}): string {
  const { size = 12, color = INK.black, bold, mono, anchor = "start" } = style;
  const escaped = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const extra = `${bold ? ' font-weight="bold"' : ""}${mono ? ` font-family="${MONO}"` : ""}`;
  const end = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${x}" y="${y}" font-size="${size}" fill="${color}"${end}${extra}>${escaped}</text>`;
}

/** A filled box; `stroke` draws its edge. */
export function box(
  [x, y, width, height]: readonly [number, number, number, number],
  fill: string,
  { stroke, opacity = 1, radius = 5 }: { stroke?: string; opacity?: number; radius?: number } = {},
): string {
  const edge = stroke ? ` stroke="${stroke}"` : "";
  const see = opacity < 1 ? ` fill-opacity="${opacity}"` : "";
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${fill}"${see}${edge}/>`;
}

/** An arrow along corners; the last stretch is level or upright. */
export function arrow(corners: readonly (readonly [number, number])[], color: string = INK.grey): string {
  const [[x0, y0] = [0, 0], [x, y] = [0, 0]] = corners.slice(-2);
  const [dx, dy] = [Math.sign(x - x0), Math.sign(y - y0)];
  const [bx, by] = [x - 6 * dx, y - 6 * dy]; // where the tip begins
  const line = [...corners.slice(0, -1), [bx, by]].map(([cx, cy]) => `${cx} ${cy}`).join("L");
  const tip = `M${x} ${y}L${bx - 3.5 * dy} ${by - 3.5 * dx}L${bx + 3.5 * dy} ${by + 3.5 * dx}z`;
  return `<path d="M${line}" fill="none" stroke="${color}" stroke-width="1.5"/><path d="${tip}" fill="${color}"/>`;
}

/** A whole picture on white; `title` is read out by screen readers. */
export function svg(width: number, height: number, title: string, body: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="${SANS}">`;
  const back = `<rect width="${width}" height="${height}" fill="white"/>`;
  return `${[head, `<title>${title}</title>`, back, ...body, "</svg>"].join("\n")}\n`;
}

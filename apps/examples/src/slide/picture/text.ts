import type { SKRSContext2D } from "@napi-rs/canvas";

/** How text looks. */
export interface TextStyle {
  readonly size: number;
  readonly bold?: boolean;
  readonly color?: string;
}

/** Writes a line of text; (x, y) is where its baseline starts. */
export function write(
  context: SKRSContext2D,
  text: string,
  x: number,
  y: number,
  { size, bold = false, color = "#222222" }: TextStyle,
): void {
  context.font = `${bold ? "bold " : ""}${size}px Inter, sans-serif`;
  context.fillStyle = color;
  context.fillText(text, x, y);
}

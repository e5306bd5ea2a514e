import type { SKRSContext2D } from "@napi-rs/canvas";
import { COLORS } from "../../shared/plot/theme.ts";
import { heatCss, SCALE } from "./heat.ts";
import { write } from "./text.ts";

/** What ring and colours mean; (x, y) is the upper left corner. */
export function drawLegend(context: SKRSContext2D, x: number, y: number): void {
  context.strokeStyle = COLORS.blue;
  context.lineWidth = 3;
  context.beginPath();
  context.arc(x + 10, y + 8, 8, 0, 2 * Math.PI);
  context.stroke();
  write(context, "abnormal tiles that were planted", x + 28, y + 13, { size: 14 });
  const [left, width] = [x + 330, 260];
  write(context, "score of a tile:  healthy", left - 10, y + 13, { size: 14 });
  const bar = left + 150;
  context.fillStyle = "#F0EBE4";
  context.fillRect(bar, y, width, 16);
  for (let i = 0; i < width; i++) {
    context.fillStyle = heatCss(-SCALE + (2 * SCALE * i) / width);
    context.fillRect(bar + i, y, 1, 16);
  }
  context.strokeStyle = "#999999";
  context.lineWidth = 1;
  context.strokeRect(bar, y, width, 16);
  for (const score of [-SCALE, 0, SCALE])
    write(context, score > 0 ? `+${score}` : String(score), bar + (width * (score + SCALE)) / (2 * SCALE) - 7, y + 31, {
      size: 12,
      color: "#444444",
    });
  write(context, "abnormal", bar + width + 10, y + 13, { size: 14 });
}

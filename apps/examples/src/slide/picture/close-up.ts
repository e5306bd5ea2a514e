import type { Canvas, SKRSContext2D } from "@napi-rs/canvas";
import { COLORS } from "../../shared/plot/theme.ts";
import type { ScoredSlide } from "../run.ts";
import { TILE } from "../slide.ts";
import { centreOf, clusterOf } from "./geometry.ts";
import { heatCss } from "./heat.ts";
import type { Square } from "./map.ts";
import { write } from "./text.ts";

/** Tiles that a close-up is wide. */
const CLOSE = 14;

interface CloseUp extends Square {
  readonly scored: boolean;
}

/** The planted tiles, outlined: as scanned, or under their scores. */
export function drawCloseUp(context: SKRSContext2D, { slide, scores }: ScoredSlide, scan: Canvas, at: CloseUp): void {
  const centre = clusterOf(slide);
  if (!centre) return;
  const head = 22;
  const size = at.size - head;
  const pixels = CLOSE * TILE;
  const corner = (middle: number, length: number) =>
    Math.max(0, Math.min(length - pixels, Math.round(middle / TILE - CLOSE / 2) * TILE));
  const [x0, y0] = [corner(centre.x, scan.width), corner(centre.y, scan.height)];
  const scale = size / pixels;
  write(
    context,
    at.scored ? "the same place, with the score of each tile" : "inside the ring, as scanned; squares are tiles",
    at.x,
    at.y + 13,
    { size: 14, bold: true },
  );
  context.save();
  context.beginPath();
  context.rect(at.x, at.y + head, size, size);
  context.clip();
  context.translate(at.x - x0 * scale, at.y + head - y0 * scale);
  context.drawImage(scan, x0, y0, pixels, pixels, x0 * scale, y0 * scale, size, size);
  if (at.scored) {
    for (const [tile, score] of scores.entries()) {
      const [x, y] = centreOf(slide, tile);
      context.fillStyle = heatCss(score);
      context.fillRect((x - TILE / 2) * scale, (y - TILE / 2) * scale, TILE * scale, TILE * scale);
    }
  }
  context.strokeStyle = COLORS.blue;
  context.lineWidth = 2.5;
  for (const tile of slide.planted) {
    const [x, y] = centreOf(slide, tile);
    context.strokeRect((x - TILE / 2) * scale, (y - TILE / 2) * scale, TILE * scale, TILE * scale);
  }
  context.restore();
  context.strokeStyle = "#999999";
  context.lineWidth = 1;
  context.strokeRect(at.x, at.y + head, size, size);
}

import type { Canvas, SKRSContext2D } from "@napi-rs/canvas";
import { COLORS } from "../../shared/plot/theme.ts";
import type { ScoredSlide } from "../run.ts";
import { TILE } from "../slide.ts";
import { centreOf, clusterOf } from "./geometry.ts";
import { heatCss, SCALE } from "./heat.ts";

/** The slide, paled, with scores and a ring around what was planted. */
export function drawMap(context: SKRSContext2D, { slide, scores }: ScoredSlide, scan: Canvas, at: Square): void {
  const scale = at.size / Math.max(scan.width, scan.height);
  const [left, top] = [at.x + (at.size - scan.width * scale) / 2, at.y + (at.size - scan.height * scale) / 2];
  context.imageSmoothingQuality = "high";
  context.drawImage(scan, left, top, scan.width * scale, scan.height * scale);
  context.fillStyle = "rgba(255,255,255,0.35)";
  context.fillRect(left, top, scan.width * scale, scan.height * scale);
  // A tile may be smaller than what the eye finds.
  const side = Math.max(TILE * scale, 5);
  for (const [tile, score] of scores.entries()) {
    if (score < -SCALE) continue;
    context.fillStyle = heatCss(score);
    const [x, y] = centreOf(slide, tile).map((value) => value * scale - side / 2) as [number, number];
    context.fillRect(left + x, top + y, side, side);
  }
  const centre = clusterOf(slide);
  if (!centre) return;
  const [x, y] = [left + centre.x * scale, top + centre.y * scale];
  const radius = Math.max(centre.radius * scale + 8, 16);
  context.strokeStyle = COLORS.blue;
  context.lineWidth = 3;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

/** A square of the picture. */
export interface Square {
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

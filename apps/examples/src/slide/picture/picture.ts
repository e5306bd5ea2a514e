import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Canvas, createCanvas, ImageData, type SKRSContext2D } from "@napi-rs/canvas";
import { registerFonts } from "../../shared/plot/theme.ts";
import type { ScoredSlide } from "../run.ts";
import type { Slide } from "../slide.ts";
import { drawCloseUp } from "./close-up.ts";
import { drawLegend } from "./legend.ts";
import { drawMap } from "./map.ts";
import { write } from "./text.ts";

const WIDTH = 1240;
const PAD = 32;
const TOP = 118;
/** The slide, and the two close-ups beside it. */
const MAP = { size: 760, close: 352, gap: 32 };
const FOOT = 64;

/** Draws a slide with what the detector found on it, and writes `folder/name.png`. */
export async function savePicture(folder: string, name: string, found: ScoredSlide): Promise<string> {
  const path = join(folder, `${name}.png`);
  await mkdir(folder, { recursive: true });
  await writeFile(path, await drawSlide(found).encode("png"));
  return path;
}

/** The whole slide under its scores, the planted tiles close up as scanned and as scored, and a legend. */
export function drawSlide(found: ScoredSlide): Canvas {
  registerFonts();
  const scan = asCanvas(found.slide);
  const canvas = createCanvas(WIDTH, TOP + MAP.size + FOOT + PAD);
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  drawTitle(context, found);
  drawMap(context, found, scan, { x: PAD, y: TOP, size: MAP.size });
  const [x, size] = [PAD + MAP.size + MAP.gap, MAP.close];
  drawCloseUp(context, found, scan, { x, y: TOP, size, scored: false });
  drawCloseUp(context, found, scan, { x, y: TOP + MAP.size - size, size, scored: true });
  drawLegend(context, PAD, TOP + MAP.size + 30);
  return canvas;
}

function asCanvas({ image }: Slide): Canvas {
  const canvas = createCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(new ImageData(image.data, image.width, image.height), 0, 0);
  return canvas;
}

function drawTitle(context: SKRSContext2D, { slide, hits, worst }: ScoredSlide): void {
  const [planted, tiles] = [slide.planted.length, slide.places.length.toLocaleString("en")];
  write(context, `${planted} abnormal tiles among ${tiles}: the model found ${hits}`, PAD, PAD + 22, {
    size: 26,
    bold: true,
  });
  const lines = [
    "Abnormal tiles took up about 2.5 times as much brown stain as the rest of their slide. Slides differ more than that from each other, so a tile",
    `alone does not tell. The model never saw this tissue in training. Its verdict on the slide: ${worst > 0 ? "abnormal" : "healthy"} (highest score ${worst.toFixed(1)}; abnormal is above 0).`,
  ];
  for (const [i, line] of lines.entries()) write(context, line, PAD, PAD + 50 + 20 * i, { size: 14, color: "#444444" });
}

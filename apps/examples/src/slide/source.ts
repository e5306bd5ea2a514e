import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createCanvas, loadImage } from "@napi-rs/canvas";
import { unmix } from "./stain.ts";

/** Amounts of stain, pixel by pixel, of a piece of the real section. */
export interface Tissue {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3]: haematoxylin, DAB, rest. */
  readonly stains: Float32Array;
}

/** The section in four squares: training slides are made of two that lie across, held-out slides of the other two. They share no pixel. */
export interface Section {
  readonly train: readonly Tissue[];
  readonly heldOut: readonly Tissue[];
}

/** Reads the section that slides are made of: colon glands, FHL2 antibody (brown), haematoxylin (blue); see docs/slide.md. */
export async function loadSection(): Promise<Section> {
  const image = await loadImage(join(packageFolder(), "src/slide/tissue/colon-ihc.jpg"));
  const context = createCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  const [width, height] = [image.width / 2, image.height / 2];
  const square = (x: number, y: number): Tissue => {
    const stains = new Float32Array(3 * width * height);
    unmix(context.getImageData(x, y, width, height).data, 0, width * height, stains, 0);
    return { width, height, stains };
  };
  return { train: [square(0, 0), square(width, height)], heldOut: [square(width, 0), square(0, height)] };
}

/** The folder of this app, from the sources and from the build. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

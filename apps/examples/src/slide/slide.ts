import { mosaic } from "./mosaic.ts";
import { type Outline, outline } from "./outline.ts";
import { plant } from "./plant.ts";
import { logUniform, random } from "./random.ts";
import type { Tissue } from "./source.ts";
import { mix } from "./stain.ts";

/** Pixels that a tile is wide. */
export const TILE = 16;
const AREA = TILE ** 2;
/** Value of empty glass in every channel. */
const GLASS = 244;

/** How slides differ: times what the section itself took up. */
const STAINING = {
  haematoxylin: [0.75, 1.3],
  /** Wider than the planted excess, so that no absolute shade of brown gives an abnormal tile away. */
  dab: [0.3, 1.3],
} as const;
/** DAB in abnormal tiles, times that of the rest of their slide. */
const EXCESS = [2.3, 2.9] as const;

/** A slide scan, cut into tiles, with its ground truth. */
export interface Slide {
  /** RGBA, as a scanner gives it. */
  readonly image: { readonly data: Uint8ClampedArray; readonly width: number; readonly height: number };
  /** Tiles that hold tissue, as row·columns + column, ascending; L of them. */
  readonly places: Int32Array;
  readonly columns: number;
  /** [L, 2]: x and y of the upper left corner, in pixels. */
  readonly coordinates: Float32Array;
  /** Which of the L tiles are abnormal; none on a healthy slide. */
  readonly planted: Int32Array;
}

/** What slide to make. */
export interface SlideOptions {
  readonly tissue: readonly Tissue[];
  readonly tiles: number;
  readonly abnormal: boolean;
  readonly seed: number;
}

/** Makes a slide of real tissue: the same one for the same options. */
export function makeSlide({ tissue, tiles, abnormal, seed }: SlideOptions): Slide {
  const next = random(seed, tiles);
  const { columns, rows, places } = outline(tiles, next);
  const grow = mosaic(tissue, columns * TILE, rows * TILE, next);
  const stains = new Float32Array(3 * AREA * tiles); // [L, TILE, TILE, 3]
  for (const [tile, place] of places.entries())
    grow(TILE * (place % columns), TILE * Math.floor(place / columns), TILE, stains, 3 * AREA * tile);
  const planted = abnormal ? plant(places, columns, meanDab(stains, tiles), next) : new Int32Array(0);
  const [h, d] = [logUniform(next, ...STAINING.haematoxylin), logUniform(next, ...STAINING.dab)];
  const dab = new Float32Array(tiles).fill(d);
  const excess = logUniform(next, ...EXCESS);
  for (const tile of planted) dab[tile] = d * excess;
  const coordinates = Float32Array.from({ length: 2 * tiles }, (_, i) => {
    const place = places[i >> 1] as number;
    return TILE * (i % 2 === 0 ? place % columns : Math.floor(place / columns));
  });
  return { image: scan(stains, places, { columns, rows }, h, dab), places, columns, coordinates, planted };
}

/** The picture that these stains give: haematoxylin times h everywhere, DAB times a factor of each tile. */
function scan(
  stains: Float32Array,
  places: Int32Array,
  size: Pick<Outline, "columns" | "rows">,
  h: number,
  dab: Float32Array,
): Slide["image"] {
  const [width, height] = [TILE * size.columns, TILE * size.rows];
  const data = new Uint8ClampedArray(4 * width * height).fill(GLASS);
  places.forEach((place, tile) => {
    const corner = pixelOf(place, size.columns);
    for (let y = 0; y < TILE; y++)
      mix(stains, 3 * (tile * AREA + y * TILE), TILE, data, 4 * (corner + y * width), h, dab[tile] as number);
  });
  return { data, width, height };
}

/** Mean amount of DAB in each tile. */
function meanDab(stains: Float32Array, tiles: number): Float32Array {
  return Float32Array.from({ length: tiles }, (_, tile) => {
    let sum = 0;
    for (let i = 0; i < AREA; i++) sum += stains[3 * (tile * AREA + i) + 1] as number;
    return sum / AREA;
  });
}

/** Number of the upper left pixel of a place. */
export const pixelOf = (place: number, columns: number): number =>
  Math.floor(place / columns) * TILE * TILE * columns + (place % columns) * TILE;

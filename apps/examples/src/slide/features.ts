import { pixelOf, type Slide, TILE } from "./slide.ts";
import { unmix } from "./stain.ts";

/** What is measured of each of two stains in a tile. */
const MEASURES = ["mean", "spread", "p10", "p50", "p90", "edges"] as const;
/** C: values a tile. */
export const FEATURES = 2 * MEASURES.length;

const BINS = 96;
const PER_UNIT = 32;
/** Amounts are told apart by ratio: log(amount + this). */
const FLOOR = 0.08;

/** Tile encoder: [L, C], the logarithms of how much haematoxylin and DAB a tile holds and how it is spread, from its pixels alone. */
export function tileFeatures({ image, places, columns }: Slide): Float32Array {
  const values = new Float32Array(places.length * FEATURES);
  const stains = new Float32Array(3 * TILE * TILE);
  places.forEach((place, tile) => {
    const corner = pixelOf(place, columns);
    for (let y = 0; y < TILE; y++) unmix(image.data, 4 * (corner + y * image.width), TILE, stains, 3 * y * TILE);
    for (let stain = 0; stain < 2; stain++) measure(stains, stain, values, tile * FEATURES + stain * MEASURES.length);
  });
  return values;
}

const histogram = new Int32Array(BINS);

function measure(stains: Float32Array, stain: number, out: Float32Array, at: number): void {
  const count = TILE * TILE;
  histogram.fill(0);
  let [sum, squares, edges] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const amount = Math.max(0, stains[3 * i + stain] as number);
    sum += amount;
    squares += amount * amount;
    if (i % TILE > 0) edges += Math.abs(amount - Math.max(0, stains[3 * (i - 1) + stain] as number));
    if (i >= TILE) edges += Math.abs(amount - Math.max(0, stains[3 * (i - TILE) + stain] as number));
    const bin = Math.min(BINS - 1, Math.floor(amount * PER_UNIT));
    histogram[bin] = (histogram[bin] as number) + 1;
  }
  const mean = sum / count;
  const quantile = (share: number) => {
    let [bin, below] = [0, histogram[0] as number];
    while (below < share * count) below += histogram[++bin] as number;
    return (bin + 0.5) / PER_UNIT;
  };
  const spread = Math.sqrt(Math.max(0, squares / count - mean * mean));
  const measures = [mean, spread, quantile(0.1), quantile(0.5), quantile(0.9), edges / (2 * count)];
  measures.forEach((value, i) => {
    out[at + i] = Math.log(value + FLOOR) + 1.2; // about -1 to 1
  });
}

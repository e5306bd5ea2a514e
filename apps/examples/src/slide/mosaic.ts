import { below, logUniform, type Random } from "./random.ts";
import type { Tissue } from "./source.ts";

/** Pixels between the centres of neighbouring cuttings. */
const SPACING = 72;
/** Pixels that the seams may stray from the lattice. */
const STRAY = 16;
/** Pixels that a cutting is wide. */
const CUTTING = 2 * (SPACING + STRAY);
/** Sharpness of the seams: higher is narrower. */
const SHARPNESS = 10;
/** Antibodies do not reach everywhere alike: DAB of a cutting, times the section's. */
const UNEVEN = [0.9, 1.1] as const;

/** Writes the amounts of stain of a square of tissue, [size, size, 3], into `out`. */
export type Tissues = (x: number, y: number, size: number, out: Float32Array, to: number) => void;

/**
 * Grows tissue of any size: cuttings of the section, turned and mirrored at random, laid half over each other with narrow, wavy, soft seams.
 *
 * @param tissues - pieces of the section; how much there is of each differs from slide to slide
 * @param width - pixels that the tissue is wide
 */
export function mosaic(tissues: readonly Tissue[], width: number, height: number, next: Random): Tissues {
  const columns = Math.ceil((width + 2 * STRAY) / SPACING) + 1;
  const rows = Math.ceil((height + 2 * STRAY) / SPACING) + 1;
  const bias = 0.2 + 0.6 * next();
  const cuttings = Array.from({ length: columns * rows }, () => cutting(tissues, bias, next));
  const [across, down] = [stray(height, next), stray(width, next)];
  const blend = (x: number, y: number, out: Float32Array, to: number): void => {
    const u = (x + (across[y] as number)) / SPACING;
    const v = (y + (down[x] as number)) / SPACING;
    const column = Math.floor(u);
    const row = Math.floor(v);
    const right = shareOfNext(u - column);
    const below = shareOfNext(v - row);
    for (let corner = 0; corner < 4; corner++) {
      const i = corner & 1;
      const j = corner >> 1;
      const weight = (i ? right : 1 - right) * (j ? below : 1 - below);
      if (weight === 0) continue;
      const piece = cuttings[(row + j) * columns + column + i] as Cutting;
      // The pixel, seen from the upper left of the cutting whose centre is this corner of the lattice.
      const dx = x - (column + i) * SPACING + CUTTING / 2;
      const dy = y - (row + j) * SPACING + CUTTING / 2;
      const at = piece.start + dx * piece.right + dy * piece.down;
      const { stains } = piece;
      out[to] = (out[to] as number) + weight * (stains[at] as number);
      out[to + 1] = (out[to + 1] as number) + weight * piece.dab * (stains[at + 1] as number);
      out[to + 2] = (out[to + 2] as number) + weight * (stains[at + 2] as number);
    }
  };
  return (x, y, size, out, to) => {
    out.fill(0, to, to + 3 * size * size);
    for (let i = 0; i < size * size; i++) blend(x + (i % size), y + Math.floor(i / size), out, to + 3 * i);
  };
}

const WAYS = 256;
/** How much of the next cutting shows at 0 to 1 of the way to it; all or nothing but near the middle. */
const SHARE = Float32Array.from({ length: WAYS }, (_, i) => {
  const way = (i + 0.5) / WAYS;
  return way < 0.35 ? 0 : way > 0.65 ? 1 : 1 / (1 + ((1 - way) / way) ** SHARPNESS);
});
const shareOfNext = (way: number): number => SHARE[Math.floor(way * WAYS)] as number;

/** A wavy line: how far seams lie from the lattice, 0 to 2·STRAY pixels. */
function stray(length: number, next: Random): Float32Array {
  const waves = [61, 97, 170].map((period) => ({ period: period * (0.8 + 0.4 * next()), phase: 2 * Math.PI * next() }));
  return Float32Array.from({ length }, (_, i) =>
    waves.reduce((sum, { period, phase }) => sum + (STRAY / 3) * Math.sin((2 * Math.PI * i) / period + phase), STRAY),
  );
}

/** A square of the section: where its first pixel lies, and how far to go in the tissue's data for a step right and a step down. */
interface Cutting {
  readonly stains: Float32Array;
  /** DAB, times the section's. */
  readonly dab: number;
  readonly start: number;
  readonly right: number;
  readonly down: number;
}

function cutting(tissues: readonly Tissue[], bias: number, next: Random): Cutting {
  const { width, height, stains } = tissues[next() < bias ? 0 : tissues.length - 1] as Tissue;
  const [x, y] = [below(next, width - CUTTING + 1), below(next, height - CUTTING + 1)];
  const [mirrored, flipped, turned] = [next() < 0.5, next() < 0.5, next() < 0.5];
  const corner = (y + (flipped ? CUTTING - 1 : 0)) * width + x + (mirrored ? CUTTING - 1 : 0);
  const [along, across] = [mirrored ? -1 : 1, flipped ? -width : width];
  const dab = logUniform(next, ...UNEVEN);
  return { stains, dab, start: 3 * corner, right: 3 * (turned ? across : along), down: 3 * (turned ? along : across) };
}

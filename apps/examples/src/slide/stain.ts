// Light through a stained section is absorbed: its optical density -ln(I / I0) is a sum over stains of amount times the stain's colour.

/** Optical density of one unit of a stain, in red, green and blue: haematoxylin (blue nuclei), DAB (brown antibody), and what neither explains.
 * @see Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution" (2001)
 */
const STAIN_COLORS: Nine = withCross([0.65, 0.704, 0.286], [0.268, 0.57, 0.776]);

const UNMIX: Nine = inverse(STAIN_COLORS);

/** Optical density of each 8-bit value. */
const DENSITY = Float32Array.from({ length: 256 }, (_, value) => -Math.log((value + 1) / 256));

const STEPS = 512;
/** 8-bit value of each optical density, in steps of 1/512 from 0 on. */
const VALUE = Uint8Array.from({ length: 6 * STEPS }, (_, i) => Math.round(256 * Math.exp(-i / STEPS)) - 1);

/**
 * Amounts of haematoxylin, DAB and the rest in `count` RGBA pixels, three values a pixel.
 *
 * @param from - first value of the first pixel
 */
export function unmix(rgba: Uint8ClampedArray, from: number, count: number, out: Float32Array, to: number): void {
  const [h0, d0, x0, h1, d1, x1, h2, d2, x2] = UNMIX;
  for (let i = 0; i < count; i++) {
    const at = from + 4 * i;
    const r = DENSITY[rgba[at] as number] as number;
    const g = DENSITY[rgba[at + 1] as number] as number;
    const b = DENSITY[rgba[at + 2] as number] as number;
    out[to + 3 * i] = r * h0 + g * h1 + b * h2;
    out[to + 3 * i + 1] = r * d0 + g * d1 + b * d2;
    out[to + 3 * i + 2] = r * x0 + g * x1 + b * x2;
  }
}

/** The opposite of {@link unmix}, of a section that took up `h` times the haematoxylin and `d` times the DAB. */
export function mix(
  stains: Float32Array,
  from: number,
  count: number,
  rgba: Uint8ClampedArray,
  to: number,
  h: number,
  d: number,
): void {
  const [hr, hg, hb, dr, dg, db, xr, xg, xb] = STAIN_COLORS;
  for (let i = 0; i < count; i++) {
    const blue = h * (stains[from + 3 * i] as number);
    const brown = d * (stains[from + 3 * i + 1] as number);
    const rest = stains[from + 3 * i + 2] as number;
    const at = to + 4 * i;
    rgba[at] = eightBit(blue * hr + brown * dr + rest * xr);
    rgba[at + 1] = eightBit(blue * hg + brown * dg + rest * xg);
    rgba[at + 2] = eightBit(blue * hb + brown * db + rest * xb);
    rgba[at + 3] = 255;
  }
}

/** The 8-bit value of an optical density. */
function eightBit(density: number): number {
  const step = (density * STEPS + 0.5) | 0;
  return VALUE[step < 0 ? 0 : step >= VALUE.length ? VALUE.length - 1 : step] as number;
}

type Nine = readonly [number, number, number, number, number, number, number, number, number];

/** Two colours as rows of length 1, and the direction across both as a third row. */
function withCross(first: readonly number[], second: readonly number[]): Nine {
  const unit = (v: readonly number[]) => v.map((x) => x / Math.hypot(...v));
  const [a, b] = [unit(first), unit(second)] as [number[], number[]];
  const cross = [0, 1, 2].map((i) => {
    const [j, k] = [(i + 1) % 3, (i + 2) % 3];
    return (a[j] as number) * (b[k] as number) - (a[k] as number) * (b[j] as number);
  });
  return [...a, ...b, ...unit(cross)] as unknown as Nine;
}

/** Inverse of a 3 x 3 matrix by cofactors. */
function inverse(m: Nine): Nine {
  const at = (row: number, column: number) => m[3 * (row % 3) + (column % 3)] as number;
  const cofactor = (i: number, j: number) => at(i + 1, j + 1) * at(i + 2, j + 2) - at(i + 1, j + 2) * at(i + 2, j + 1);
  const determinant = [0, 1, 2].reduce((sum, j) => sum + at(0, j) * cofactor(0, j), 0);
  return m.map((_, i) => cofactor(i % 3, Math.floor(i / 3)) / determinant) as unknown as Nine;
}

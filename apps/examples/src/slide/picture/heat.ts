/** The score that is drawn as fully abnormal, and minus the one that is not drawn at all. */
export const SCALE = 6;

/** Colours from "may be" to "certainly", over the brown and blue of the stain: none of them occurs in it. */
const STOPS: readonly (readonly [number, number, number])[] = [
  [255, 230, 0],
  [255, 120, 0],
  [230, 0, 60],
];

/** Colour of a score: clear below -SCALE, yellow, orange, and red from SCALE on. */
export function heat(score: number): { readonly rgb: readonly [number, number, number]; readonly alpha: number } {
  const t = Math.min(1, Math.max(0, (score + SCALE) / (2 * SCALE)));
  const at = t * (STOPS.length - 1);
  const i = Math.min(STOPS.length - 2, Math.floor(at));
  const mixed = [0, 1, 2].map((c) => {
    const [from, to] = [STOPS[i]?.[c] ?? 0, STOPS[i + 1]?.[c] ?? 0];
    return Math.round(from + (to - from) * (at - i));
  });
  return { rgb: mixed as unknown as readonly [number, number, number], alpha: 0.9 * t ** 1.5 };
}

/** The same as CSS. */
export function heatCss(score: number): string {
  const { rgb, alpha } = heat(score);
  return `rgba(${rgb.join(",")},${alpha.toFixed(3)})`;
}

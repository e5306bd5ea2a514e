import { createRequire } from "node:module";
import { GlobalFonts } from "@napi-rs/canvas";
import type { Config } from "vega-lite";

const FAMILY = "Inter";

/** Okabe and Ito's colours, told apart by people who see colours differently too; grey last, for baselines. */
export const COLORS = {
  blue: "#0072B2",
  orange: "#E69F00",
  green: "#009E73",
  red: "#D55E00",
  purple: "#CC79A7",
  sky: "#56B4E9",
  black: "#222222",
  grey: "#8A8A8A",
} as const;

/** One look for every picture of the examples. */
export const theme: Config = {
  background: "white",
  padding: 16,
  font: `${FAMILY}, Helvetica, Arial, sans-serif`,
  range: { category: Object.values(COLORS) },
  title: {
    anchor: "start",
    fontSize: 17,
    fontWeight: "bold",
    subtitleFontSize: 12.5,
    subtitleColor: "#444444",
    subtitleLineHeight: 17,
    subtitlePadding: 5,
    offset: 14,
  },
  axis: { labelFontSize: 11.5, titleFontSize: 12.5, titleFontWeight: "normal", titlePadding: 8, gridColor: "#E8E8E8" },
  header: { labelFontSize: 13, labelFontWeight: "bold", labelAnchor: "start", titleFontWeight: "normal" },
  legend: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", symbolStrokeWidth: 2.5, labelLimit: 400 },
  view: { stroke: "#CCCCCC" },
  line: { strokeWidth: 2.5 },
};

let registered = false;

/** Makes the theme's font known to the canvas; a machine without any fonts draws the same picture. */
export function registerFonts(): void {
  if (registered) return;
  registered = true;
  const { resolve } = createRequire(import.meta.url);
  for (const weight of [400, 700])
    GlobalFonts.registerFromPath(resolve(`@fontsource/inter/files/inter-latin-${weight}-normal.woff2`), FAMILY);
}

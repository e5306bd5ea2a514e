import { parse, View } from "vega";
import { type Config, compile, type TopLevelSpec } from "vega-lite";

/** Okabe and Ito's colours, told apart by people who see colours differently too. */
const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222"];

const theme: Config = {
  background: "white",
  font: "system-ui, sans-serif",
  range: { category: PALETTE },
  title: { anchor: "start", fontSize: 16 },
  axis: { gridColor: "#e8e8e8", titleFontWeight: "normal", labelFontSize: 11, titleFontSize: 12 },
  view: { stroke: "#cccccc" },
  line: { strokeWidth: 2 },
};

/** A chart as SVG text. */
export async function drawSvg(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec, { config: theme }).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

import { parse, View } from "vega";
import { type Config, compile, type TopLevelSpec } from "vega-lite";

const theme: Config = {
  background: "white",
  font: "system-ui, sans-serif",
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

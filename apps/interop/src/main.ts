import { type Comparison, compare } from "./demo.ts";

/** Rings and stripes: something to cut into tiles. */
function drawPicture(canvas: HTMLCanvasElement): ImageData {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("the browser has no 2-D canvas");
  const { width, height } = canvas;
  const picture = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const ring = Math.sin(Math.hypot(x - width / 3, y - height / 2) / 9);
    picture.data.set([127 + 120 * ring, 127 + 120 * Math.sin(x / 23), 127 + 120 * Math.sin(y / 17 + ring), 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
  return picture;
}

function describe({
  adapter,
  tiles,
  sameBuffer,
  shared,
  throughHost,
  firstTile,
  milliseconds,
}: Comparison): [string, string][] {
  const gap = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN)))).toExponential(1);
  return [
    ["adapter", adapter],
    ["tiles", String(tiles)],
    ["both runtimes hold the same GPUBuffer", sameBuffer ? "yes" : "no"],
    ["slide embedding, shared buffer against host memory", `largest difference ${gap(shared, throughHost)}`],
    [
      "tile embedding, ONNX Runtime against its formula",
      `largest difference ${gap(firstTile.onnx, firstTile.expected)}`,
    ],
    ["embeddings to slide embedding, shared buffer", `${milliseconds.shared.toFixed(1)} ms`],
    ["embeddings to slide embedding, through host memory", `${milliseconds.throughHost.toFixed(1)} ms`],
  ];
}

const result = document.querySelector("#result") as HTMLElement;
try {
  const comparison = await compare(drawPicture(document.querySelector("canvas") as HTMLCanvasElement));
  const table = document.createElement("table");
  for (const texts of describe(comparison)) {
    const row = table.insertRow();
    for (const text of texts) row.insertCell().textContent = text;
  }
  result.replaceChildren(table);
} catch (error) {
  const message = document.createElement("pre");
  message.textContent = error instanceof Error ? error.message : String(error);
  result.replaceChildren(message);
}

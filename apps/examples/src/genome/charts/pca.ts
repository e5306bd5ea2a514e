import { PCA } from "ml-pca";
import type { Chart } from "../../shared/plot/plot.ts";
import { COLORS } from "../../shared/plot/theme.ts";
import type { EmbeddedGenome } from "../evaluate.ts";

/** Windows drawn; more would only cover each other. */
const MOST = 3000;

const NAMES = {
  "coding+": "gene on the forward strand",
  "coding-": "gene on the reverse strand",
  "non-coding": "non-coding",
} as const;

/** Held-out windows by the two directions in which their embeddings differ most, coloured by what they are. */
export function pcaChart({ name, sequences, vectors }: EmbeddedGenome, dim: number): Chart {
  const windows = sequences.flatMap((sequence) => sequence.windows);
  const pure = [...windows.keys()].filter((i) => windows[i]?.heldOut && windows[i]?.kind !== "mixed");
  const step = Math.max(1, pure.length / MOST);
  const chosen = Array.from({ length: Math.min(MOST, pure.length) }, (_, i) => pure[Math.floor(i * step)] as number);
  const rows = chosen.map((i) => [...vectors.subarray(i * dim, (i + 1) * dim)]);
  const pca = new PCA(rows, { scale: false });
  const places = pca.predict(rows, { nComponents: 2 }).to2DArray();
  const [first = 0, second = 0] = pca.getExplainedVariance();
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
  const axis = (field: string, label: string, share: number) =>
    ({
      field,
      type: "quantitative",
      title: `${label} principal component (${percent(share)} of the variance)`,
      axis: { grid: false, tickCount: 5 },
    }) as const;
  return {
    title: {
      text: `${name}: what the embedding space looks like`,
      subtitle: `${chosen.length.toLocaleString("en")} windows of held-out stretches, each the mean of ${dim} numbers a base; similar windows lie together`,
    },
    width: 520,
    height: 380,
    data: {
      values: chosen.map((i, k) => ({
        x: places[k]?.[0],
        y: places[k]?.[1],
        kind: NAMES[windows[i]?.kind as keyof typeof NAMES],
      })),
    },
    mark: { type: "point", filled: true, size: 14, opacity: 0.55 },
    encoding: {
      x: axis("x", "first", first),
      y: axis("y", "second", second),
      color: {
        field: "kind",
        type: "nominal",
        title: null,
        scale: { domain: Object.values(NAMES), range: [COLORS.blue, COLORS.red, COLORS.black] },
        legend: { orient: "top", symbolOpacity: 1, symbolSize: 70 },
      },
    },
  };
}

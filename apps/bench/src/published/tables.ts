import type { BenchResult } from "../bench/result.ts";
import type { Row, Task } from "../bench/row.ts";
import { standing } from "./standing.ts";

/** Columns of the comparison, by who made a row. */
const COLUMNS: Readonly<Record<string, RegExp>> = {
  Dilated: /^dilated \(.*default\)/,
  "PyTorch, eager": /^PyTorch \((torchscale|eager|SDPA, Flash|cuBLAS)/,
  "compiled, FlashAttention-2": /^PyTorch \(compiled, Flash/,
  "compiled, cuDNN": /^PyTorch \(compiled, cuDNN/,
};
const DENSE: Readonly<Record<string, RegExp>> = {
  Dilated: /^dilated \(.*default\)/,
  "FlashAttention-2": /^PyTorch \(SDPA, Flash/,
  cuDNN: /^PyTorch \(SDPA, cuDNN/,
  FlexAttention: /^PyTorch \(Flex/,
};
const SIZES = [8_192, 32_768, 131_072, 1_048_576];
const LARGEST = 1_048_576;

type Find = (match: Partial<Task>, who: RegExp) => Row | undefined;

/** Markdown: what one run measured, and where that leaves this library. Without a run it says so. */
export function publishedTables(result: BenchResult | undefined): string {
  if (!result) return "The run with the compiled peers is not there yet: `docs/bench/h200.json` will hold it.";
  const { rows } = result;
  const find: Find = (match, who) =>
    rows.find(
      (row) => who.test(row.who) && Object.entries(match).every(([key, value]) => row[key as keyof Row] === value),
    );
  return [standing(rows), dilatedTable(find), denseTable(find), provenance(result)].join("\n\n");
}

function dilatedTable(find: Find): string {
  const attention = { suite: "attention", op: "dilated", dtype: "f16" } as const;
  const pair = (match: Partial<Task>, show: (row: Row | undefined) => string) => (who: RegExp) =>
    ["forward", "forward+backward"]
      .map((pass) => show(find({ ...match, pass: pass as Task["pass"] }, who)))
      .join(" / ");
  const step = { op: "train" } as const;
  const product = { op: "matmul", size: 8_192, dtype: "f16" } as const;
  const largest = { ...attention, size: LARGEST, causal: false } as const;
  const lines: [string, (who: RegExp) => string][] = [
    ...SIZES.flatMap((size) =>
      [false, true].map((causal): [string, (who: RegExp) => string] => [
        `N = ${size.toLocaleString("en")}, ${causal ? "causal" : "full"}, ms`,
        pair({ ...attention, size, causal }, ms),
      ]),
    ),
    ["its memory at N = 1,048,576, GB", pair(largest, gigabytes)],
    ["its first run there, s", pair(largest, seconds)],
    ["training step, 12 layers, 32,768 tokens, ms", (who) => ms(find(step, who))],
    ["its memory, GB", (who) => gigabytes(find(step, who))],
    ["its first step, s", (who) => seconds(find(step, who))],
    ["product f16, 8,192³, TFLOP/s", (who) => digits(find(product, who)?.gflops, 1e-3)],
  ];
  return table(["forward / forward + backward", ...Object.keys(COLUMNS)], lines, Object.values(COLUMNS));
}

function denseTable(find: Find): string {
  const dense = { suite: "dense", op: "dense", dtype: "f16", size: 8_192 } as const;
  const masks: Readonly<Record<string, Partial<Task>>> = {
    full: { causal: false },
    causal: { causal: true },
    "documents, causal": { mask: "documents" },
    "window of 1,024, causal": { mask: "window" },
  };
  const lines = Object.entries(masks).map(([name, mask]): [string, (who: RegExp) => string] => [
    `${name}, ms`,
    (who) =>
      (["forward", "forward+backward"] as const)
        .map((pass) => find({ mask: undefined, ...dense, ...mask, pass } as Partial<Task>, who))
        .map((row) => ms(row) + (row?.maskMs === undefined ? "" : ` (mask ${row.maskMs.toFixed(1)})`))
        .join(" / "),
  ]);
  return table(["dense, N = 8,192: forward / forward + backward", ...Object.keys(DENSE)], lines, Object.values(DENSE));
}

/** Where the figures are from. */
function provenance({ environments }: BenchResult): string {
  const [environment] = environments;
  if (!environment) return "";
  const { date, versions, gpu, devices, pytorch, node } = environment;
  const device = devices.find(({ variant }) => variant === "default") ?? devices[0];
  const adapter = gpu ? `${gpu.name}, driver ${gpu.driver}` : (device?.adapter ?? "an unknown adapter");
  return (
    `One run of commit \`${versions.dilated}\` on one ${adapter}, ${date.slice(0, 10)}: tier \`${device?.tier}\`, default switches, webgpu ${versions.webgpu}, Node ${node}; ` +
    `PyTorch ${pytorch}. H = 12, D = 64, f16, w = 2,048 … 32,768, r = 1 … 16. Medians of at least five runs on the GPU's clock (the step of Dilated: on the wall); every result was first ` +
    "compared with the definition in float64 on sampled rows. Memory is all tensors at their highest. A first run holds the compiler's time, or our kernels' compilation."
  );
}

const digits = (value: number | undefined, scale: number): string =>
  value === undefined ? "–" : String(Number((value * scale).toPrecision(3)));
const ms = (row: Row | undefined): string => digits(row?.ms, 1);
const gigabytes = (row: Row | undefined): string => digits(row?.peakBytes, 1e-9);
const seconds = (row: Row | undefined): string => digits(row?.firstMs, 1e-3);

function table(
  head: readonly string[],
  lines: readonly [string, (who: RegExp) => string][],
  who: readonly RegExp[],
): string {
  const rows = lines.map(([name, cell]) => [name, ...who.map((each) => cell(each).replace(/^– \/ –$/, "–"))]);
  const shown = rows.filter(([, ...cells]) => cells.some((cell) => cell !== "–"));
  const text = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    text(head),
    `|---|${head
      .slice(1)
      .map(() => "---|")
      .join("")}`,
    ...shown.map(text),
  ].join("\n");
}

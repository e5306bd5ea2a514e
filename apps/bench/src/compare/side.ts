import { type Device, openDevice, type Tensor, valueAndGrad } from "@dilated/core";
import {
  type Branch,
  crossEntropy,
  gelu,
  layerNorm,
  linear,
  linearCrossEntropy,
  matmul,
  rmsNorm,
  sum,
} from "@dilated/kernels";
import { adamW, createLongNetLM, LONGNET_LM_PRESETS, train } from "@dilated/models";
import { type AttentionCase, disposeAll, makeOperands, runCase } from "../bench/gpu/operands.ts";
import { benchBranches, HEADS } from "../bench/gpu/patterns.ts";
import { madeText } from "../bench/gpu/train-text.ts";

/** One of two builds of the library: this file is bundled twice, each time with the sources of another commit. */
export interface Side {
  readonly commit: string;
  /** The device, and the switches it runs under. */
  readonly info: string;
  /** Sets a task up; the result runs it once and resolves to its time on the GPU's clock, ms. */
  prepare(task: string): Promise<Prepared>;
}

export interface Prepared {
  run(): Promise<number>;
  dispose(): void;
}

/** What is compared, in the order in which it runs. */
export const TASKS: readonly string[] = [
  ...[8_192, 131_072, 1_048_576].flatMap((N) => attentionNames("dilated", N)),
  ...attentionNames("short", 131_072),
  ...attentionNames("dense", 8_192),
  ..."NN NT TN".split(" ").map((layout) => `matmul f16 8192^3 ${layout}`),
  "matmul f32 8192^3 NN",
  "linear f16 [32768, 768] to 3072, bias and gelu",
  "linear f16 [32768, 768] to 3072, forward+backward",
  ...["layerNorm", "rmsNorm", "gelu"].flatMap((op) => [`${op} forward`, `${op} forward+backward`]),
  ...["crossEntropy", "linearCrossEntropy"].map((op) => `${op} forward+backward`),
  "training step, 12 layers, 32768 tokens",
  "training step, tiny, 2048 tokens",
  "training host, tiny, 2048 tokens",
  "training optimiser, 12 layers, 2048 tokens",
];

/** What attention is over. Short segments spend their time between runs of keys, long ones within. */
const PATTERNS: Readonly<Record<string, (N: number) => Branch[]>> = {
  dilated: benchBranches,
  short: () => [1, 2, 4, 8].map((dilation) => ({ segment: 256 * dilation, dilation })),
  dense: (N) => [{ segment: N, dilation: 1 }],
};

function attentionNames(op: string, N: number): string[] {
  return ["full", "causal"].flatMap((mask) =>
    ["forward", "forward+backward"].map((pass) => `${op} ${N} ${mask} ${pass}`),
  );
}

/** Opens this build's device. */
export async function openSide(): Promise<Side> {
  const device = await openDevice({ backend: "webgpu", allowSoftware: true }); // WebAssembly is left out of these bundles
  const { backend, tier, adapter, robustness } = device.info;
  const info = `${backend} ${tier}, ${adapter}, bounds checks ${robustness === false ? "off" : "on"}`;
  return { commit: process.env.DILATED_COMMIT ?? "unknown", info, prepare: (task) => prepare(device, task) };
}

async function prepare(device: Device, task: string): Promise<Prepared> {
  const [op = "", size = "", mask, pass] = task.split(" ");
  if (op in PATTERNS) return attention(device, op, Number(size), mask === "causal", pass);
  if (op === "matmul") return product(device, size as "f16" | "f32", task.slice(-2));
  if (op === "training") return training(device, task);
  return rows(device, op, task);
}

function attention(device: Device, op: string, N: number, causal: boolean, pass: string | undefined): Prepared {
  const branches = PATTERNS[op]?.(N) ?? [];
  const run: AttentionCase = { N, H: HEADS, dtype: "f16", causal, backward: pass !== "forward", branches };
  const operands = makeOperands(device, run);
  return timed(device, () => disposeAll({ ...runCase(operands, run) }), Object.values(operands));
}

function product(device: Device, dtype: "f16" | "f32", layout: string): Prepared {
  const [a, b] = [1, 2].map((seed) => device.randomNormal([8_192, 8_192], { seed, dtype })) as [Tensor, Tensor];
  const options = { transposeA: layout[0] === "T", transposeB: layout[1] === "T" };
  return timed(device, () => device.scope(() => void matmul(a, b, options)), [a, b]);
}

/** Ops over 32,768 rows of f16. */
function rows(device: Device, op: string, task: string): Prepared {
  const make = (shape: number[], seed: number): Tensor => device.randomNormal(shape, { seed, dtype: "f16" });
  const ids = (N: number, V: number): Tensor =>
    device.tensor(
      Int32Array.from({ length: N }, (_, i) => (i * 7_919) % V),
      [N],
      { dtype: "i32" },
    );
  const backward = task.endsWith("forward+backward");
  const scalar = (y: Tensor): Tensor => (y.shape.length === 0 ? y : sum(y));
  const of = (inputs: Tensor[], forward: (...inputs: Tensor[]) => Tensor, constants: Tensor[] = []): Prepared => {
    const both = (): void => void valueAndGrad(inputs, () => scalar(forward(...inputs)));
    const work = (): void => device.scope(backward ? both : () => void forward(...inputs));
    return timed(device, work, [...inputs, ...constants]);
  };
  const [N, E, F, V] = [32_768, 768, 3_072, 8_192];
  if (op === "layerNorm")
    return of([make([N, E], 1), make([E], 2), make([E], 3)], (x, w, b) => layerNorm(x as Tensor, w, b));
  if (op === "rmsNorm") return of([make([N, E], 1), make([E], 2)], (x, w) => rmsNorm(x as Tensor, w));
  if (op === "gelu") return of([make([N, F], 1)], (x) => gelu(x as Tensor));
  if (op === "linear")
    return of([make([N, E], 1), make([F, E], 2), make([F], 3)], (x, w, b) =>
      linear(x as Tensor, w as Tensor, b, { activation: "gelu" }),
    );
  const targets = ids(8_192, V);
  if (op === "crossEntropy") return of([make([8_192, V], 1)], (x) => crossEntropy(x as Tensor, targets), [targets]);
  if (op === "linearCrossEntropy")
    return of([make([8_192, E], 1), make([V, E], 2)], (x, w) => linearCrossEntropy(x as Tensor, w as Tensor, targets), [
      targets,
    ]);
  throw new Error(`no task ${task}`);
}

/** Kernels of the optimiser's part of a step. */
const OPTIMISER = /^(adamWStep|squareSum|clipScale)$/;

/**
 * A step is timed as its user sees it: on the wall, until its loss is there; of "host" what queueing it costs this
 * thread, and of "optimiser" what its kernels cost the GPU. How many launches it takes is printed.
 */
function training(device: Device, task: string): Prepared {
  const [, what = "", size = ""] = /^training (\w+), .*, (\d+) tokens$/.exec(task) ?? [];
  const N = Number(size);
  const preset = task.includes("tiny") ? LONGNET_LM_PRESETS.tiny : LONGNET_LM_PRESETS.base;
  const model = createLongNetLM(device, preset, { seed: 1 });
  const text = madeText(2 * N);
  const batch = (step: number): Int32Array =>
    Int32Array.from(text.subarray((step % 16) * 1_024, (step % 16) * 1_024 + N + 1));
  const steps = train(model, (step) => ({ tokens: batch(step), shape: [1, N + 1] as const }), {
    optimizer: adamW({ lr: 3e-4 }),
    steps: 10_000,
    precision: "mixed",
  });
  let told = false;
  const run = async (): Promise<number> => {
    const began = performance.now();
    if (what === "step") {
      await steps.next();
      return performance.now() - began;
    }
    const { profile } = await device.profile(() => steps.next());
    const kernels = what === "optimiser" ? profile.kernels.filter(({ name }) => OPTIMISER.test(name)) : profile.kernels;
    const sum = (of: "launches" | "hostMs" | "deviceMs"): number =>
      kernels.reduce((all, one) => all + (one[of] ?? 0), 0);
    if (!told) console.log(`${task}, ${process.env.DILATED_COMMIT}: ${sum("launches")} launches`);
    told = true;
    return what === "optimiser" ? sum("deviceMs") : sum("hostMs");
  };
  const dispose = (): void => {
    void steps.return(undefined as never).then(() => {
      model.dispose();
      device.trim();
    });
  };
  return { run, dispose };
}

function timed(device: Device, work: () => void, operands: readonly (Tensor | undefined)[]): Prepared {
  const run = async (): Promise<number> => {
    const { profile } = await device.profile(work, { detail: "total" });
    return profile.spanMs ?? profile.wallMs;
  };
  const dispose = (): void => {
    for (const tensor of operands) tensor?.dispose();
    device.trim();
  };
  return { run, dispose };
}

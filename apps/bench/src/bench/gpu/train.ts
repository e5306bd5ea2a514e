import type { Device } from "@dilated/core";
import { attentionFlops } from "@dilated/kernels";
import { adamW, createLongNetLM, LONGNET_LM_PRESETS, type LongNetLMConfig, train } from "@dilated/models";
import type { Task } from "../row.ts";
import { forEachRunner, type GpuContext, type Outcome } from "./context.ts";
import { median } from "./measure.ts";
import { COMPILED } from "./patterns.ts";
import { peerRow } from "./peer-row.ts";
import { trainingText } from "./train-text.ts";

/** Steps more: some for the GPU's clock, the last one kernel by kernel. */
const PROFILED = 4;

/** The first two are warm-up: compilation, then what the device learns about the work's length. */
const WARMUP = 2;
const STEPS = WARMUP + 6;

/** Tokens of a step. */
export const TRAIN_SIZES: readonly number[] = [32_768];
const LEARNING_RATE = 3e-4;

/** Steps of a 12-layer, 768-wide LongNetLM over bytes in mixed precision, against the same model in PyTorch, eager and compiled. */
export async function trainSuite(context: GpuContext, text: string | undefined): Promise<void> {
  for (const N of context.sizes ?? TRAIN_SIZES) {
    const task: Task = { suite: "train", op: "train", size: N, dtype: "mixed", pass: "forward+backward", causal: true };
    const batches = await trainingText(text, N + 1, STEPS + PROFILED);
    await forEachRunner(context, task, ({ device }) => outcome(device, batches, N));
    const { branches, ...preset } = LONGNET_LM_PRESETS.base;
    const request = {
      kind: "lm",
      N,
      ...preset,
      hidden: 4 * preset.dim,
      branches: branches.map(({ segment, dilation }) => [Math.min(segment, N), dilation]),
      lr: LEARNING_RATE,
      tokens: batches.map((batch) => [...batch]),
      flops: stepFlops({ ...preset, branches, hidden: 4 * preset.dim, vocab: 256 }, N),
    } as const;
    await peerRow(context, task, "PyTorch (eager)", request);
    if (context.quick) continue;
    for (const [kernel, name] of COMPILED)
      await peerRow(context, task, `PyTorch (compiled, ${name})`, { ...request, compiled: true, kernel, limit: 240 });
  }
}

async function outcome(device: Device, batches: readonly Int32Array[], N: number): Promise<Outcome> {
  using model = createLongNetLM(device, LONGNET_LM_PRESETS.base, { seed: 1 });
  device.trim();
  device.resetPeak();
  const steps = train(model, (step) => ({ tokens: batches[step] as Int32Array, shape: [1, N + 1] as const }), {
    optimizer: adamW({ lr: LEARNING_RATE }),
    steps: STEPS + PROFILED,
    precision: "mixed",
  });
  const [gpu, wall, losses]: [number[], number[], number[]] = [[], [], []];
  for (let step = 0; step < STEPS; step++) {
    const began = performance.now();
    const { value, done } = await steps.next();
    if (done) break;
    wall.push(performance.now() - began);
    losses.push(value.loss);
  }
  for (let step = 1; step < PROFILED; step++) {
    const { profile } = await device.profile(() => steps.next(), { detail: "total" });
    gpu.push(profile.spanMs ?? profile.wallMs);
  }
  const peakBytes = device.stats().peak;
  const { kernels } = (await device.profile(() => steps.next())).profile;
  if (!((losses.at(-1) ?? Number.NaN) < (losses[0] ?? Number.NaN)))
    return { losses, peakBytes, note: `WRONG: the loss does not fall (${losses.map((x) => x.toFixed(3)).join(" ")})` };
  const wallMs = median(wall.slice(WARMUP));
  const gpuMs = median(gpu);
  return {
    ms: wallMs, // a step waits for its loss: what a user sees
    gpuMs,
    wallMs,
    firstMs: wall[0] ?? Number.NaN,
    runs: STEPS - WARMUP,
    losses,
    peakBytes,
    kernels,
    tokensPerSecond: (N / wallMs) * 1000,
    gflops: stepFlops(model.config, N) / wallMs / 1e6,
  };
}

/** What decides how much work a step is. */
type ModelSize = Pick<LongNetLMConfig, "dim" | "hidden" | "layers" | "heads" | "vocab" | "branches">;

/** 6 operations a token for each weight of the linears and of the output, and 3.5 times the causal attention's forward pass, a layer. */
export function stepFlops({ dim, hidden, layers, heads, vocab, branches }: ModelSize, N: number): number {
  const linears = 6 * N * (layers * (4 * dim * dim + 2 * dim * hidden) + vocab * dim);
  const pattern = { branches, causal: true };
  return linears + 3.5 * layers * attentionFlops({ N, H: heads, D: dim / heads }, pattern).exact;
}

import type { Device } from "@dilated/core";
import { adamW, createLongNetLM, LONGNET_LM_PRESETS, train } from "@dilated/models";
import type { Row } from "../row.ts";
import { nameOf } from "./ours.ts";
import type { SuiteContext } from "./suite.ts";

const STEPS = 8;

/** Training steps of the `tiny` LongNetLM at growing context lengths. */
export async function cpuTrainSuite({ devices, sizes = [1024, 4096, 16384] }: SuiteContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const N of sizes) for (const device of devices) rows.push(await trainRow(device, N));
  return rows;
}

async function trainRow(device: Device, N: number): Promise<Row> {
  using model = createLongNetLM(device, { ...LONGNET_LM_PRESETS.tiny }, { seed: 1 });
  const tokens = Int32Array.from({ length: N + 1 }, (_, i) => (i * i + (i >> 3)) % 251);
  const times: number[] = [];
  const losses: number[] = [];
  let last = performance.now();
  device.resetPeak();
  for await (const step of train(model, () => ({ tokens, shape: [1, N + 1] as const }), {
    optimizer: adamW({ lr: 1e-3 }),
    steps: STEPS,
  })) {
    const now = performance.now();
    times.push(now - last);
    last = now;
    losses.push(step.loss);
  }
  const [firstMs = 0, ...rest] = times;
  const ms = rest.sort((a, b) => a - b)[Math.floor(rest.length / 2)] ?? Number.NaN;
  const what = `train tiny LongNetLM N=${N}`;
  if (!((losses.at(-1) ?? Number.NaN) < (losses[0] ?? Number.NaN)))
    return { what, who: nameOf(device), note: "WRONG: the loss does not fall; not reported" };
  const memory = `${(device.stats().peak / 2 ** 20).toFixed(0)} MiB`;
  return {
    what,
    who: nameOf(device),
    ms,
    firstMs,
    gflops: flops(model.config, N) / ms / 1e6,
    note: `${Math.round((N / ms) * 1000)} tokens/s, ${memory}`,
  };
}

/** 6 operations a weight of the linears and the output a token (forward 2, backward 4); attention is not counted. */
function flops(
  { dim, hidden, layers, vocab }: { dim: number; hidden: number; layers: number; vocab: number },
  N: number,
): number {
  return 6 * N * (layers * (4 * dim * dim + 2 * dim * hidden) + vocab * dim);
}

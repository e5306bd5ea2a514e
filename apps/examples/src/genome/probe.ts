import { type Device, type Tensor, treeTensors } from "@dilated/core";
import { crossEntropy, linear } from "@dilated/kernels";
import { adamW, Initializer, type LinearParameters, train, warmupCosine } from "@dilated/models";
import type { Features } from "./features.ts";

/** A question that windows answer with yes or no. */
export interface Question {
  /** 1, 0, or -1 where a window does not count. */
  readonly labels: Int8Array;
  /** 1 where a window may be learnt from. */
  readonly training: Uint8Array;
}

const STEPS = 200;

/**
 * Logistic regression on frozen features (a linear probe), learnt from the windows for training.
 *
 * @returns the log odds of "yes" for rows of any table of the same features
 */
export async function fitProbe(
  device: Device,
  features: Features,
  question: Question,
  signal?: AbortSignal,
): Promise<(rows: Float32Array) => Float32Array> {
  const { width, rows } = features;
  const chosen = [...question.labels.keys()].filter(
    (i) => question.training[i] === 1 && (question.labels[i] as number) >= 0,
  );
  const scaling = standardise(rows, width, chosen);
  const scaled = scaling(Float32Array.from(chosen.flatMap((i) => [...rows.subarray(i * width, (i + 1) * width)])));
  using x = device.tensor(scaled, [chosen.length, width], { label: "probe features" });
  using y = device.tensor(
    chosen.map((i) => question.labels[i] as number),
    [chosen.length],
    { dtype: "i32", label: "probe labels" },
  );
  const init = new Initializer(device, 1);
  const parameters: LinearParameters = {
    weight: init.normal([2, width], 0.01, "probe.weight"),
    bias: init.constant([2], 0, "probe.bias"),
  };
  const probe = {
    device,
    parameters,
    loss: (batch: { x: Tensor; y: Tensor }) =>
      crossEntropy(linear(batch.x, parameters.weight, parameters.bias), batch.y),
  };
  const optimizer = adamW({ lr: warmupCosine({ peak: 0.05, total: STEPS, floor: 0 }), beta2: 0.999 });
  const steps = train(probe, () => ({ x, y }), { optimizer, steps: STEPS, ...(signal ? { signal } : {}) });
  while (!(await steps.next()).done);
  const [weight, bias] = [await parameters.weight.data(), await parameters.bias?.data()];
  for (const tensor of treeTensors(parameters)) tensor.dispose();
  return (others) => {
    const z = scaling(others);
    return Float32Array.from({ length: z.length / width }, (_, i) => {
      let odds = Number(bias?.[1] ?? 0) - Number(bias?.[0] ?? 0);
      for (let j = 0; j < width; j++)
        odds += (z[i * width + j] as number) * (Number(weight[width + j]) - Number(weight[j]));
      return odds;
    });
  };
}

/** Probability of log odds. */
export const probability = (odds: number): number => 1 / (1 + Math.exp(-odds));

/** Columns shifted and scaled to mean 0 and deviation 1 over the chosen rows. */
function standardise(
  rows: Float32Array,
  width: number,
  chosen: readonly number[],
): (rows: Float32Array) => Float32Array {
  const mean = new Float64Array(width);
  const power = new Float64Array(width);
  for (const i of chosen) {
    for (let j = 0; j < width; j++) {
      const value = rows[i * width + j] as number;
      mean[j] = (mean[j] as number) + value / chosen.length;
      power[j] = (power[j] as number) + value ** 2 / chosen.length;
    }
  }
  // A column that hardly varies says nothing, and would say it very loudly.
  const scale = power.map((p, j) => {
    const variance = p - (mean[j] as number) ** 2;
    return variance > 1e-8 ? 1 / Math.sqrt(variance) : 0;
  });
  return (others) => others.map((value, i) => (value - (mean[i % width] as number)) * (scale[i % width] as number));
}

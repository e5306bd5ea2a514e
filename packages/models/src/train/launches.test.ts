import { recordingDevice } from "@dilated-internal/testing/recording-device";
import { expect, test } from "vitest";
import { createLongNetLM } from "../longnet-lm/model.ts";
import { adamW, sgd } from "./optimizer.ts";
import type { TrainOptions } from "./options.ts";
import { train } from "./train.ts";

const branches = [
  { segment: 16, dilation: 1 },
  { segment: 64, dilation: 4 },
];

/** Launches of the third step, by kernel. */
async function launchesOf(layers: number, options: Omit<TrainOptions<never>, "steps">): Promise<Map<string, number>> {
  const { device, queued } = recordingDevice();
  const model = createLongNetLM(device, { dim: 16, layers, heads: 2, branches, vocab: 32 }, { seed: 1 });
  const batch = { tokens: new Int32Array(65), shape: [1, 65] as const };
  const counts = new Map<string, number>();
  let before = 0;
  for await (const { step } of train(model, () => batch, { ...options, steps: 3 } as TrainOptions<typeof model>)) {
    if (step === 3) for (const name of queued.slice(before)) counts.set(name, (counts.get(name) ?? 0) + 1);
    before = queued.length;
  }
  return counts;
}

const total = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0);

test.each(["f32", "mixed"] as const)(
  "a step of twelve layers, %s, is at most 1,000 launches, few of them the optimiser's",
  async (precision) => {
    const counts = await launchesOf(12, { optimizer: adamW({ lr: 1e-3 }), precision });
    expect(total(counts)).toBeLessThanOrEqual(1000);
    expect(counts.get("adamWStep")).toBeLessThanOrEqual(6);
    expect(counts.get("squareSum")).toBeLessThanOrEqual(6);
  },
);

test("launches of averages, sums of micro-batches and other optimisers do not grow with the number of layers", async () => {
  const options = { optimizer: sgd({ lr: 1e-3, momentum: 0.9 }), precision: "mixed", ema: 0.9, accumulate: 2 } as const;
  const [few, many] = [await launchesOf(1, options), await launchesOf(4, options)];
  for (const kernel of ["sgdStep", "squareSum", "accumulate_in_place_f32", "cast_f16_f32"]) {
    expect([kernel, many.get(kernel)]).toEqual([kernel, few.get(kernel)]);
  }
});

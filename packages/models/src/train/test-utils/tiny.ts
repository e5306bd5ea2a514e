import type { Device, Tensor } from "@dilated/core";
import { createLongNetLM, type LongNetLM } from "../../longnet-lm/model.ts";
import { byteBatches } from "../../text/token-batches.ts";
import type { TokenBatch } from "../batch.ts";
import { adamW } from "../optimizer.ts";
import type { TrainOptions } from "../options.ts";
import type { TrainStep } from "../report.ts";
import { train } from "../train.ts";

export const text: Uint8Array = new TextEncoder().encode(
  "the whale the sea the ship the whale the sea the captain ".repeat(12),
);

export const windows: (step: number) => TokenBatch = byteBatches(text, { seq: 48, batch: 2, seed: 3 });

/** A language model that learns in a few steps. */
export function tinyLM(device: Device, dropout = 0): LongNetLM {
  const branches = [
    { segment: 16, dilation: 1 },
    { segment: 48, dilation: 2 },
  ];
  return createLongNetLM(device, { dim: 16, layers: 1, heads: 2, dropout, branches }, { seed: 1 });
}

/** Trains and gives every report, without the live state's changes. */
export async function reportsOf(
  model: LongNetLM,
  options: Omit<TrainOptions<LongNetLM>, "optimizer"> & Partial<Pick<TrainOptions, "optimizer">>,
  batches: (step: number) => TokenBatch = windows,
): Promise<TrainStep[]> {
  const reports: TrainStep[] = [];
  const { optimizer = adamW({ lr: 5e-3 }), ...rest } = options;
  for await (const step of train(model, batches, { optimizer, keepState: true, ...rest })) reports.push(step);
  return reports;
}

export const lossesOf = (reports: readonly TrainStep[]): number[] => reports.map(({ loss }) => loss);

export async function read(tensors: readonly Tensor[]): Promise<number[][]> {
  return Promise.all(tensors.map(async (tensor) => Array.from(await tensor.data())));
}

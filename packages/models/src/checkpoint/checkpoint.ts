import {
  ConfigError,
  FormatError,
  readSafetensors,
  type Tensor,
  type TensorToWrite,
  treeEntries,
  writeSafetensors,
} from "@dilated/core";
import type { Optimizer, OptimizerState } from "../train/optimizer.ts";
import type { TrainState } from "../train/train.ts";
import type { Trainable } from "../train/trainable.ts";

const FORMAT = "dilated-training-1";

/** Everything a run needs to go on: weights, optimiser moments, the step, and a note of the caller's. */
export interface TrainingSnapshot {
  readonly model: Trainable<never>;
  readonly optimizer: Optimizer;
  readonly state: TrainState;
  /** JSON that comes back from {@link restoreTraining}; say, the losses so far. */
  readonly note?: unknown;
}

/** Serialises a run as one safetensors file (f32, exact). */
export async function encodeTraining({ model, optimizer, state, note = null }: TrainingSnapshot): Promise<Uint8Array> {
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, tensor] of entriesOf(model, state.optimizer)) {
    tensors.set(name, { dtype: tensor.dtype, shape: tensor.shape, data: await tensor.data() });
  }
  return writeSafetensors(tensors, {
    format: FORMAT,
    config: JSON.stringify(model.config ?? {}),
    optimizer: optimizer.name,
    step: String(state.step),
    note: JSON.stringify(note),
  });
}

/**
 * Puts a saved run into a model of the same configuration and a fresh state.
 *
 * @throws FormatError for broken files and missing or unexpected tensors (each named); ConfigError when the configuration or optimiser differs.
 */
export function restoreTraining(
  bytes: Uint8Array,
  { model, optimizer }: { model: Trainable<never>; optimizer: Optimizer },
): { state: TrainState; note: unknown } {
  const { metadata, tensors } = readSafetensors(bytes);
  if (metadata.format !== FORMAT)
    throw new FormatError("restoreTraining: this file is not a training checkpoint", {
      details: [`format: ${metadata.format ?? "none"}`],
    });
  checkSameRun(metadata, model, optimizer);
  const state: TrainState = { step: Number(metadata.step), optimizer: optimizer.init(model.parameters) };
  const wanted = entriesOf(model, state.optimizer);
  const details = [
    ...wanted.filter(([name]) => !tensors.has(name)).map(([name]) => `${name}: missing`),
    ...wanted.flatMap(([name, tensor]) => shapeProblem(name, tensor, tensors.get(name)?.shape)),
    ...[...tensors.keys()]
      .filter((name) => !wanted.some(([known]) => known === name))
      .map((name) => `${name}: unexpected`),
    ...(Number.isSafeInteger(state.step) && state.step >= 0 ? [] : [`step: ${metadata.step}`]),
  ];
  if (details.length > 0) throw new FormatError("restoreTraining: the file does not hold this run", { details });
  for (const [name, tensor] of wanted) model.device.write(tensor, tensors.get(name)?.data ?? []);
  return { state, note: JSON.parse(metadata.note ?? "null") };
}

function entriesOf(model: Trainable<never>, optimizer: OptimizerState): [string, Tensor][] {
  return [...treeEntries(model.parameters, "model"), ...treeEntries(optimizer, "optimizer")];
}

function shapeProblem(name: string, tensor: Tensor, shape: readonly number[] | undefined): string[] {
  return shape && shape.join() !== tensor.shape.join()
    ? [`${name}: is [${shape.join(", ")}], should be [${tensor.shape.join(", ")}]`]
    : [];
}

function checkSameRun(metadata: Readonly<Record<string, string>>, model: Trainable<never>, optimizer: Optimizer): void {
  const saved = JSON.parse(metadata.config ?? "{}") as Record<string, unknown>;
  const now = (model.config ?? {}) as Record<string, unknown>;
  const differ = Object.keys({ ...saved, ...now }).filter(
    (key) => JSON.stringify(saved[key]) !== JSON.stringify(now[key]),
  );
  const details = [
    ...differ.map((key) => `${key}: saved ${JSON.stringify(saved[key])}, now ${JSON.stringify(now[key])}`),
    ...(metadata.optimizer === optimizer.name ? [] : [`optimizer: saved ${metadata.optimizer}, now ${optimizer.name}`]),
  ];
  if (details.length > 0) {
    throw new ConfigError("restoreTraining: the checkpoint is of another configuration", {
      details,
      fix: "resume with the options that the run was started with",
    });
  }
}

import {
  ConfigError,
  checkCall,
  checkParameters,
  decodeSafetensors,
  encodeSafetensors,
  type FieldsOf,
  FormatError,
  field,
  joinedLike,
  readSafetensors,
  type SafetensorsFile,
  type Tensor,
  type TensorToWrite,
  treeEntries,
  treeTies,
} from "@dilated/core";
import { TRAINABLE } from "../options/kinds.ts";
import { atOnce, inTurns, type Parts } from "../parts.ts";
import type { Optimizer } from "../train/optimizer.ts";
import { OPTIMIZER, STATE } from "../train/options.ts";
import { checkState, disposeTraining, initTrees, type TrainState } from "../train/state.ts";
import type { Trainable } from "../train/trainable.ts";
import { checkJson } from "./check-json.ts";
import { differences } from "./differences.ts";
import { snapshotOf } from "./snapshot.ts";
import { isProgress, readTrainingHeader, type SavedRun, TRAINING_FORMAT } from "./training-header.ts";

/** The run that a checkpoint is of. */
export interface TrainingRun {
  readonly model: Trainable<never>;
  readonly optimizer: Optimizer;
  /** JSON that must be the same when the run is resumed, beside the model's configuration and the optimiser's: say, the data and the context length. */
  readonly run?: unknown;
}

/** Everything a run needs to go on: weights, moments, averages, the step, and a note of the caller's. */
export interface TrainingSnapshot extends TrainingRun {
  readonly state: TrainState;
  /** JSON that comes back from {@link restoreTraining}; say, the losses so far. */
  readonly note?: unknown;
}

const RUN: FieldsOf<TrainingRun> = {
  model: TRAINABLE,
  optimizer: OPTIMIZER,
  run: field.optional(field.any("JSON")),
};
const SNAPSHOT: FieldsOf<TrainingSnapshot> = {
  ...RUN,
  state: STATE,
  note: field.optional(field.any("JSON")),
};

/**
 * Serialises a run as one safetensors file, exactly. It need not be awaited before the next step: weights, moments and averages are copied on the device at the
 * call, and each copy is freed when it has been read. Until then they take their bytes once more.
 *
 * @throws ConfigError for what JSON cannot hold in `run` or `note`; DisposedError when the state was freed; OutOfMemoryError when the copies do not fit.
 */
export async function encodeTraining(given: TrainingSnapshot): Promise<Uint8Array> {
  checkCall("encodeTraining", { given: field.object(SNAPSHOT) }, arguments);
  const { note = null, state, ...run } = given;
  checkState("encodeTraining", state, run.model.device);
  checkParameters("encodeTraining", run.model.parameters, "model.parameters");
  const tensors = new Map<string, TensorToWrite>();
  const { step, skipped, lossScale = null, settings } = state;
  const header: SavedRun = {
    format: TRAINING_FORMAT,
    ...describe(run),
    progress: { step, skipped, lossScale },
    settings,
    note,
    tied: Object.fromEntries(treeTies(run.model.parameters)),
  };
  for (const [name, value] of Object.entries(header)) checkJson("encodeTraining", name, value);
  if (!isProgress(header.progress)) {
    throw new ConfigError("encodeTraining: the state has no step", {
      details: [`step: ${step}, skipped: ${skipped}, lossScale: ${JSON.stringify(lossScale)}`],
      fix: "pass the state that train reports",
    });
  }
  const metadata = Object.fromEntries(Object.entries(header).map(([name, value]) => [name, JSON.stringify(value)]));
  // Nothing above waits: what is copied is what there is at the call.
  const snapshot = snapshotOf(entriesOf(run.model, state));
  try {
    for (const [name, { dtype, shape, data }] of snapshot.entries) {
      tensors.set(name, { dtype, shape, data: await data() });
    }
  } finally {
    snapshot.dispose();
  }
  return encodeSafetensors(tensors, metadata);
}

/** What a training checkpoint gives. */
export interface RestoredTraining {
  readonly state: TrainState;
  readonly note: unknown;
}

const RESTORE = { bytes: field.bytes(), run: field.object(RUN) };

/**
 * Puts a saved run into a model of the same configuration, and gives the state to hand to `train`. Nothing is written to the model unless everything fits.
 *
 * Synchronous: it copies the file to the device, which takes tens of milliseconds for 100 MB. {@link decodeTraining}
 * lets the event loop in between tensors.
 *
 * @throws FormatError for broken files and missing or unexpected tensors (each named); ConfigError that names each field in which the model, the
 * optimiser or `run` differs from the saved ones.
 */
export function restoreTraining(bytes: Uint8Array, run: TrainingRun): RestoredTraining {
  checkCall("restoreTraining", RESTORE, arguments);
  return atOnce(restoreParts("restoreTraining", readSafetensors(bytes), run));
}

/**
 * {@link restoreTraining} that lets timers, frames and signals have their turn. Until it resolves, bytes and model must
 * not change.
 *
 * @throws as `restoreTraining`
 */
export async function decodeTraining(bytes: Uint8Array, run: TrainingRun): Promise<RestoredTraining> {
  checkCall("decodeTraining", RESTORE, arguments);
  return inTurns(restoreParts("decodeTraining", await decodeSafetensors(bytes), run));
}

function* restoreParts(
  caller: string,
  { metadata, tensors }: SafetensorsFile,
  run: TrainingRun,
): Parts<RestoredTraining> {
  checkJson(caller, "run", run.run ?? null);
  const saved = readTrainingHeader(caller, metadata);
  checkSameRun(caller, saved, run);
  const { model, optimizer } = run;
  checkParameters(caller, model.parameters, "model.parameters");
  const { step, skipped, lossScale } = saved.progress;
  const averaged = saved.settings.ema !== null && saved.settings.ema !== undefined;
  const state: TrainState = {
    step,
    skipped,
    ...initTrees(model, optimizer, averaged ? emptyAverage : undefined),
    ...(lossScale ? { lossScale } : {}),
    settings: saved.settings,
  };
  try {
    const wanted = entriesOf(model, state);
    const known = new Set(wanted.map(([name]) => name));
    const details = [
      ...wanted.flatMap(([name, tensor]) => problemOf(name, tensor, tensors.get(name))),
      ...[...tensors.keys()].filter((name) => !known.has(name)).map((name) => `${name}: unexpected`),
    ];
    if (details.length > 0) throw new FormatError(`${caller}: the file does not hold this run`, { details });
    for (const [name, tensor] of wanted) {
      model.device.write(tensor, tensors.get(name)?.data ?? []);
      yield;
    }
  } catch (error) {
    disposeTraining(state);
    throw error;
  }
  return { state, note: saved.note };
}

function entriesOf(model: Trainable<never>, state: TrainState): [string, Tensor][] {
  return [
    ...treeEntries(model.parameters, "model"),
    ...treeEntries(state.optimizer, "optimizer"),
    ...treeEntries(state.ema, "ema"),
  ];
}

function problemOf(name: string, tensor: Tensor, found: Pick<Tensor, "shape" | "dtype"> | undefined): string[] {
  if (!found) return [`${name}: missing`];
  const text = ({ dtype, shape }: Pick<Tensor, "shape" | "dtype">): string => `${dtype}[${shape.join(", ")}]`;
  return text(found) === text(tensor) ? [] : [`${name}: is ${text(found)}, should be ${text(tensor)}`];
}

function emptyAverage(parameters: unknown): unknown {
  return joinedLike(parameters, { dtype: "f32", label: "ema" });
}

function describe({ model, optimizer, run = null }: TrainingRun): Pick<SavedRun, "config" | "optimizer" | "run"> {
  return { config: model.config ?? null, optimizer: { name: optimizer.name, ...optimizer.config }, run };
}

function checkSameRun(caller: string, saved: SavedRun, run: TrainingRun): void {
  const now = describe(run);
  const details = [
    ...differences(saved.config, now.config, ""),
    ...differences(saved.optimizer, now.optimizer, "optimizer"),
    ...differences(saved.run, now.run, "run"),
    ...differences(saved.tied, Object.fromEntries(treeTies(run.model.parameters)), "tied"),
  ];
  if (details.length === 0) return;
  throw new ConfigError(`${caller}: the checkpoint is of another configuration`, {
    details,
    fix: "resume with the options that the run was started with",
  });
}

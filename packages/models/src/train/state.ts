import {
  ConfigError,
  checkCall,
  type Device,
  DisposedError,
  field,
  joinedLike,
  joinedRuns,
  type Tensor,
  treeTensors,
} from "@dilated/core";
import { checkHome, TRAINABLE } from "../options/kinds.ts";
import { checkWeights } from "./check-weights.ts";
import type { LossScale } from "./loss-scale.ts";
import type { Optimizer, OptimizerState } from "./optimizer.ts";
import { OPTIMIZER, type ResolvedTrainOptions, resolveTrain, STATE, settingsOf, type TrainOptions } from "./options.ts";
import type { Trainable } from "./trainable.ts";

/** Options that change what a step computes, as JSON: a resumed run must have the same. */
export type TrainSettings = Readonly<Record<string, string | number | null>>;

/** What training needs to go on exactly where it stopped. */
export interface TrainState {
  /** Steps done, those that were skipped included. */
  step: number;
  /** Steps that changed nothing because their gradients were not finite. */
  skipped: number;
  readonly optimizer: OptimizerState;
  /** Averaged weights, in the shape of the parameters; with the option `ema`. */
  readonly ema?: unknown;
  /** Mixed precision only. */
  lossScale?: LossScale;
  readonly settings: TrainSettings;
}

const INIT_TRAINING = { model: TRAINABLE, optimizer: OPTIMIZER, options: field.optional(field.having({})) };

/** A fresh state: step 0, empty moments, averages that start at the weights. `options` are those that `train` is going to be given. */
export function initTraining(
  model: Trainable<never>,
  optimizer: Optimizer,
  options: Omit<TrainOptions, "optimizer" | "steps" | "state" | "evaluate"> = {},
): TrainState {
  checkCall("initTraining", INIT_TRAINING, arguments);
  return freshState(model, resolveTrain({ ...options, optimizer, steps: 0 }, "initTraining"));
}

export function freshState(model: Trainable<never>, options: ResolvedTrainOptions<never>): TrainState {
  const { optimizer, ema, precision, lossScale } = options;
  checkWeights("train", model.parameters, "model.parameters");
  return {
    step: 0,
    skipped: 0,
    ...initTrees(model, optimizer, ema === undefined ? undefined : copyOf),
    ...(precision === "mixed" ? { lossScale: { scale: lossScale.initial, streak: 0 } } : {}),
    settings: settingsOf(options),
  };
}

/** Empty moments, and averages where `average` makes them. Where there is no room for all, none is left. */
export function initTrees(
  { device, parameters }: Trainable<never>,
  optimizer: Optimizer,
  average: ((parameters: unknown) => unknown) | undefined,
): Pick<TrainState, "optimizer" | "ema"> {
  return device.attempt(() => ({
    optimizer: optimizer.init(parameters),
    ...(average ? { ema: average(parameters) } : {}),
  }));
}

/**
 * Refuses a state whose moments or averages are no longer there, or not where the model is.
 *
 * @throws DisposedError, DeviceError
 */
export function checkState(caller: string, { optimizer, ema }: TrainState, device: Device): void {
  checkHome(caller, "state", { optimizer, ema }, device);
  if (!treeTensors([optimizer, ema]).some(({ disposed }) => disposed)) return;
  throw new DisposedError(`${caller}: the moments and averages of this state were freed when its run ended`, {
    fix: "train with keepState: true and call disposeTraining yourself, or resume from a checkpoint",
  });
}

/** Frees moments and averages; the weights are the model's. */
export function disposeTraining(state: TrainState): void {
  checkCall("disposeTraining", { state: STATE }, arguments);
  const { optimizer, ema } = state;
  for (const tensor of treeTensors([optimizer, ema])) tensor.dispose();
}

/** @throws ConfigError that names each option in which a resumed run differs from the saved one. */
export function checkSameSettings(state: TrainState, options: ResolvedTrainOptions<never>): void {
  const now = settingsOf(options);
  const details = Object.keys({ ...state.settings, ...now })
    .filter((name) => state.settings[name] !== now[name])
    .map((name) => `${name}: saved ${JSON.stringify(state.settings[name])}, now ${JSON.stringify(now[name])}`);
  if (details.length === 0) return;
  throw new ConfigError("train: the state is of a run with other options", {
    details,
    fix: "resume with the options that the run was started with",
  });
}

function copyOf(parameters: unknown): unknown {
  const copies = joinedLike(parameters, { dtype: "f32", label: "ema" });
  const [from, to] = [treeTensors(parameters), treeTensors(copies)];
  const { device } = from[0] as Tensor;
  device.scope(() => {
    for (const { of } of joinedRuns([from, to])) device.copy(of(0) as Tensor, of(1) as Tensor);
  });
  return copies;
}

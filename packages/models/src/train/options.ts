import { type AbortSignalLike, checkConfig, type Field, type Filled, field, isPlain } from "@dilated/core";
import { methods } from "../options/kinds.ts";
import type { EvaluateOptions } from "./evaluate.ts";
import { LOSS_SCALE_DEFAULTS, type LossScaleOptions } from "./loss-scale.ts";
import type { Optimizer } from "./optimizer.ts";
import type { TrainSettings, TrainState } from "./state.ts";

/** How {@link train} trains a model of type M. */
export interface TrainOptions<M = unknown> {
  readonly optimizer: Optimizer;
  /** Steps in all, counted from the very beginning. */
  readonly steps: number;
  /** Largest norm of the whole gradient; longer ones are scaled down to it. Infinity clips nothing. @defaultValue 1 */
  readonly maxNorm?: number | undefined;
  /** Seeds dropout, with the number of the micro-batch. @defaultValue 0 */
  readonly seed?: number | undefined;
  /**
   * Micro-batches a step: loss and gradient are those of one batch of them all, in the memory of one. Each is weighed
   * by what its loss is a mean over; see
   * `Trainable.loss`. @defaultValue 1
   */
  readonly accumulate?: number | undefined;
  /**
   * `"mixed"` computes on an f16 copy of the weights, with sums in f32, and scales the loss so that small gradients do not vanish; weights, moments and
   * averages stay f32. Steps whose gradients overflow are skipped. @defaultValue "f32"
   */
  readonly precision?: "f32" | "mixed" | undefined;
  /** How the loss is scaled in mixed precision. */
  readonly lossScale?: LossScaleOptions | undefined;
  /**
   * Keeps an exponential moving average of the weights with this decay: `ema = d·ema + (1 − d)·weights` after each step, where d starts at 0.1 and
   * rises to `ema` as (1 + t) / (10 + t), so that early weights are forgotten. @defaultValue no average
   */
  readonly ema?: number | undefined;
  /** Runs now and then, and its numbers are reported with the step. */
  readonly evaluate?: EvaluateOptions<M> | undefined;
  /** Where to go on; from `restoreTraining`. The run takes it over, and frees it as `keepState` says. @defaultValue a fresh start */
  readonly state?: TrainState | undefined;
  /**
   * Keeps moments and averages when the run ends, for a run that goes on in this process or to save the averages; free them with `disposeTraining`.
   * @defaultValue false: they are freed when the last step is done, and when the loop is left, throws or is aborted
   */
  readonly keepState?: boolean | undefined;
  /** Stops before the next step; the generator then throws AbortedError. */
  readonly signal?: AbortSignalLike | undefined;
}

/** An optimiser of ours, or an object of the caller's. */
export const OPTIMIZER: Field<object> = field.custom(
  "an optimiser, such as adamW({ lr }): an object with a name, init, update, learningRate, and config, if any, plain",
  (value) => {
    const { name, config = {} } = (value ?? {}) as Partial<Optimizer>;
    return METHODS.test(value) && typeof name === "string" && isPlain(config);
  },
);
const METHODS = methods("an optimiser", "init", "update", "learningRate");

/** Where training stands. */
export const STATE: Field<object> = field.custom(
  "a state: what train reports, initTraining or restoreTraining give",
  isState,
);

const schema = {
  optimizer: OPTIMIZER,
  steps: field.nonNegativeInteger(),
  maxNorm: field.withDefault(
    field.custom<number>("a number above 0, or Infinity", (value) => typeof value === "number" && value > 0),
    1,
  ),
  seed: field.withDefault(field.nonNegativeInteger(), 0),
  accumulate: field.withDefault(field.positiveInteger(65_536), 1),
  precision: field.withDefault(field.oneOf(["f32", "mixed"]), "f32"),
  lossScale: field.withDefault(
    field.object({
      initial: field.withDefault(field.positive(), LOSS_SCALE_DEFAULTS.initial),
      growth: field.withDefault(field.number(1), LOSS_SCALE_DEFAULTS.growth),
      backoff: field.withDefault(field.fraction(), LOSS_SCALE_DEFAULTS.backoff),
      interval: field.withDefault(field.positiveInteger(), LOSS_SCALE_DEFAULTS.interval),
    }),
    LOSS_SCALE_DEFAULTS,
  ),
  ema: field.optional(field.fraction()),
  evaluate: field.optional(field.object({ every: field.positiveInteger(), run: field.func() })),
  state: field.optional(STATE),
  keepState: field.withDefault(field.boolean(), false),
  signal: field.optional(field.abortSignal()),
};

/** Options with every default filled in. */
export type ResolvedTrainOptions<M> = Filled<
  Omit<TrainOptions<M>, "ema" | "evaluate" | "state" | "signal" | "lossScale">
> &
  Pick<TrainOptions<M>, "ema" | "evaluate" | "state" | "signal"> & { readonly lossScale: Filled<LossScaleOptions> };

/** @throws ConfigError that lists every bad field. */
export function resolveTrain<M>(options: TrainOptions<M>, caller = "train"): ResolvedTrainOptions<M> {
  return checkConfig(caller, schema, options) as unknown as ResolvedTrainOptions<M>;
}

/** What a resumed run must have in common with the one that was saved. */
export function settingsOf(options: ResolvedTrainOptions<never>): TrainSettings {
  const { accumulate, precision, ema, maxNorm, seed, lossScale } = options;
  const scaling = precision === "mixed" ? { lossScale: Object.values(lossScale).join(", ") } : {};
  return { accumulate, precision, ema: ema ?? null, maxNorm: String(maxNorm), seed, ...scaling };
}

const COUNT = field.nonNegativeInteger();

function isState(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { step, skipped, optimizer, settings } = value as Partial<Record<string, unknown>>;
  return COUNT.test(step) && COUNT.test(skipped) && isPlain(optimizer) && isPlain(settings);
}

import { type AbortSignalLike, checkArgument, field, type PlatformAbortSignal } from "@dilated/core";
import type { TrainState } from "./state.ts";
import { type Trainable, withParameters } from "./trainable.ts";

/** What an evaluation is given. */
export interface EvaluationCall<M> {
  /** The model with the weights as they are. */
  readonly model: M;
  /** The model with the averaged weights; with the option `ema`. */
  readonly ema: M | undefined;
  /** Steps done. */
  readonly step: number;
  readonly signal: PlatformAbortSignal | undefined;
}

/** When and how to evaluate. */
export interface EvaluateOptions<M> {
  /** Steps from one evaluation to the next; there is one behind the last step, too. */
  readonly every: number;
  /** Numbers by name, say held-out bits a byte: they come back in the report of the step. */
  run(call: EvaluationCall<M>): Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>;
}

const NUMBERS = field.record(field.custom<number>("a number", (value) => typeof value === "number"));

/** Runs the evaluation when one is due behind this step. */
export async function evaluateWhenDue<M extends Trainable<never>>(
  model: M,
  state: TrainState,
  {
    evaluate,
    steps,
    signal,
  }: { evaluate?: EvaluateOptions<M> | undefined; steps: number; signal?: AbortSignalLike | undefined },
): Promise<Readonly<Record<string, number>> | undefined> {
  const { step, ema } = state;
  if (!evaluate || !(step % evaluate.every === 0 || step === steps)) return undefined;
  const averaged = ema === undefined ? undefined : (withParameters(model, ema) as M);
  const found = await evaluate.run({ model, ema: averaged, step, signal: signal as PlatformAbortSignal | undefined });
  checkArgument("train", "what evaluate.run returns", NUMBERS, found);
  return found;
}

import { ConfigError, checkCall, checkConfig, field, type Schema, type Values } from "@dilated/core";

/** Learning rate by step, counted from 0. */
export type Schedule = (step: number) => number;

/** What schedules with a warm-up share. */
export interface WarmupOptions {
  /** Highest learning rate. */
  readonly peak: number;
  /** Steps of linear warm-up; the first step already learns. @defaultValue 0 */
  readonly warmup?: number | undefined;
}

/** A warm-up, then a way down to a floor. */
export interface WarmupDecayOptions extends WarmupOptions {
  /** Steps in all; later ones stay at the floor. */
  readonly total: number;
  /** @defaultValue peak / 10 */
  readonly floor?: number | undefined;
}

/** Shape of {@link oneCycle}. */
export interface OneCycleOptions {
  /** Highest learning rate. */
  readonly peak: number;
  /** Steps in all; later ones stay at the end. */
  readonly total: number;
  /** Share of the steps in which the rate rises. @defaultValue 0.3 */
  readonly rise?: number | undefined;
  /** Rate of the first step. @defaultValue peak / 25 */
  readonly start?: number | undefined;
  /** Rate at the end. @defaultValue start / 10000 */
  readonly end?: number | undefined;
}

/**
 * Linear warm-up to `peak`, then half a cosine down to `floor`.
 *
 * @throws ConfigError unless 0 <= floor <= peak and 0 <= warmup < total.
 */
export function warmupCosine(options: WarmupDecayOptions): Schedule {
  return decaying("warmupCosine", options, arguments, (done) => 0.5 * (1 + Math.cos(Math.PI * done)));
}

/**
 * Linear warm-up to `peak`, then a straight line down to `floor`.
 *
 * @throws ConfigError unless 0 <= floor <= peak and 0 <= warmup < total.
 */
export function warmupLinear(options: WarmupDecayOptions): Schedule {
  return decaying("warmupLinear", options, arguments, (done) => 1 - done);
}

/**
 * Linear warm-up to `peak`, and there it stays.
 *
 * @throws ConfigError unless peak > 0 and warmup >= 0.
 */
export function warmupConstant(options: WarmupOptions): Schedule {
  const { peak, warmup } = checkOne("warmupConstant", warmupSchema, options, arguments);
  return scheduleOf("warmupConstant", (step) => peak * Math.min(1, (step + 1) / Math.max(1, warmup)));
}

/**
 * Linear warm-up to `peak`, then peak · sqrt(warmup / step): needs no number of steps in all.
 *
 * @throws ConfigError unless peak > 0 and warmup >= 0.
 * @see Attention Is All You Need (arXiv 1706.03762), equation 3
 */
export function warmupInverseSqrt(options: WarmupOptions): Schedule {
  const { peak, warmup } = checkOne("warmupInverseSqrt", warmupSchema, options, arguments);
  const turn = Math.max(1, warmup);
  return scheduleOf("warmupInverseSqrt", (step) => peak * Math.min((step + 1) / turn, Math.sqrt(turn / (step + 1))));
}

/**
 * Half a cosine up from `start` to `peak`, and half a longer one down to `end`.
 *
 * @throws ConfigError unless 0 <= end <= start <= peak and 0 < rise < 1.
 * @see Super-Convergence (arXiv 1708.07120)
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const {
    peak,
    total,
    rise,
    start = peak / 25,
    end = start / 1e4,
  } = checkOne("oneCycle", cycleSchema, options, arguments);
  if (!(end <= start && start <= peak && rise > 0)) {
    throw new ConfigError("oneCycle: need 0 <= end <= start <= peak and 0 < rise < 1", {
      details: [`peak ${peak}, start ${start}, end ${end}, rise ${rise}`],
      fix: "leave start and end out",
    });
  }
  const top = Math.max(1, rise * (total - 1));
  const between = (from: number, to: number, t: number): number => to + (from - to) * 0.5 * (1 + Math.cos(Math.PI * t));
  return scheduleOf("oneCycle", (step) => {
    if (step <= top) return between(start, peak, step / top);
    return between(peak, end, Math.min(1, (step - top) / Math.max(1, total - 1 - top)));
  });
}

const warmupSchema = { peak: field.positive(), warmup: field.withDefault(field.number(0), 0) };
const decaySchema = { ...warmupSchema, total: field.positive(), floor: field.optional(field.number(0)) };
const cycleSchema = {
  peak: field.positive(),
  total: field.positiveInteger(),
  rise: field.withDefault(field.fraction(), 0.3),
  start: field.optional(field.number(0)),
  end: field.optional(field.number(0)),
};

/** @param shape - share of the way from floor to peak, by the share of the steps after warm-up that is done */
function decaying(
  caller: string,
  options: WarmupDecayOptions,
  given: IArguments,
  shape: (done: number) => number,
): Schedule {
  const { peak, warmup, total, floor = peak / 10 } = checkOne(caller, decaySchema, options, given);
  if (!(floor <= peak && total > warmup)) {
    throw new ConfigError(`${caller}: need 0 <= floor <= peak and 0 <= warmup < total`, {
      details: [`peak ${peak}, floor ${floor}, warmup ${warmup}, total ${total}`],
      fix: "lower warmup, or train for more steps",
    });
  }
  return scheduleOf(caller, (step) => {
    if (step < warmup) return (peak * (step + 1)) / warmup;
    return floor + (peak - floor) * shape(Math.min(1, (step - warmup) / (total - warmup)));
  });
}

/** The options of a function that takes nothing else, defaults filled in. */
function checkOne<S extends Schema>(caller: string, schema: S, options: unknown, given: IArguments): Values<S> {
  checkCall(caller, { options: field.object(schema) }, given);
  return checkConfig(caller, schema, options);
}

const STEP = { step: field.nonNegativeInteger() };

/** A schedule that says so when it is asked for no step. */
function scheduleOf(caller: string, rate: Schedule): Schedule {
  return (...given) => {
    checkCall(`the schedule of ${caller}`, STEP, given);
    return rate(given[0]);
  };
}

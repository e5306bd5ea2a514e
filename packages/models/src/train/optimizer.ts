import {
  ConfigError,
  checkArgument,
  checkCall,
  checkParameters,
  type FieldsOf,
  field,
  joinedLike,
  joinedRuns,
  sameShape,
  type Tensor,
  treeTensors,
} from "@dilated/core";
import { adamWStep, type StepOptions, sgdStep } from "@dilated/kernels";
import { checkWeights } from "./check-weights.ts";
import type { Schedule } from "./schedule.ts";

/** What an optimiser remembers, as trees in the shape of the parameters. */
export type OptimizerState = Readonly<Record<string, unknown>>;

/** How one update is made. */
export interface UpdateCall {
  /** Steps done before this one: where schedules stand. */
  readonly step: number;
  /** Steps done that were not skipped: what the moments have seen. @defaultValue step */
  readonly updates?: number;
  /** One element that multiplies every gradient (clipping, loss scaling); at 0 nothing must change but `copyTo`. @defaultValue 1 */
  readonly gradScale?: Tensor | undefined;
  /** Tree of tensors that receive the new weights, too, in their own dtype: the copy that mixed precision computes with. */
  readonly copyTo?: unknown;
}

/** Turns gradients into updates, in place, without reading anything back. */
export interface Optimizer {
  readonly name: string;
  /** JSON that a checkpoint must agree with: everything but the learning rate, which a resumed run may change. */
  readonly config?: Readonly<Record<string, unknown>>;
  init(parameters: unknown): OptimizerState;
  /** Trees of one shape, f32 weights, f32 or f16 gradients. */
  update(parameters: unknown, grads: unknown, state: OptimizerState, call: UpdateCall): void;
  learningRate(step: number): number;
}

const RATE = field.either(field.number(0), field.func(), "a number from 0, or a schedule");

/** AdamW with decoupled weight decay (arXiv 1711.05101). */
export interface AdamWOptions {
  /** Learning rate, or a schedule of it. */
  readonly lr: number | Schedule;
  /** @defaultValue 0.9 */
  readonly beta1?: number | undefined;
  /** @defaultValue 0.98 */
  readonly beta2?: number | undefined;
  /** @defaultValue 1e-8 */
  readonly eps?: number | undefined;
  /** Applied to matrices only: norms and biases are left alone. @defaultValue 0.01 */
  readonly weightDecay?: number | undefined;
}

const ADAMW_OPTIONS: FieldsOf<AdamWOptions> = {
  lr: RATE,
  beta1: field.optional(field.fraction()),
  beta2: field.optional(field.fraction()),
  eps: field.optional(field.positive()),
  weightDecay: field.optional(field.number(0)),
};

/** @throws ConfigError that lists every bad option. */
export function adamW(options: AdamWOptions): Optimizer {
  checkCall("adamW", { options: field.object(ADAMW_OPTIONS) }, arguments);
  const { lr, beta1 = 0.9, beta2 = 0.98, eps = 1e-8, weightDecay = 0.01 } = options;
  const rate = asSchedule(lr);
  return {
    name: "adamw",
    config: { beta1, beta2, eps, weightDecay },
    learningRate: rate,
    init: (...given) => {
      const [parameters] = initCall(given);
      return initState(parameters, { m: "adam.m", v: "adam.v" });
    },
    update: (...given) => {
      const { trees, call } = updateCall(given, "m", "v");
      const { step, updates = step, gradScale, copyTo } = call;
      const lr = rate(step);
      const decays = trees[0].map(({ rank }) => (rank >= 2 ? weightDecay : 0));
      forEachRun(trees, copyTo, decays, ([p, g, m, v], copy, decay) => {
        adamWStep(p, g, m, v, {
          lr,
          beta1,
          beta2,
          eps,
          weightDecay: decay,
          step: updates + 1,
          ...extras(gradScale, copy),
        });
      });
    },
  };
}

/** Stochastic gradient descent. */
export interface SGDOptions {
  readonly lr: number | Schedule;
  /** @defaultValue 0 */
  readonly momentum?: number | undefined;
  /** @defaultValue 0 */
  readonly weightDecay?: number | undefined;
}

const SGD_OPTIONS: FieldsOf<SGDOptions> = {
  lr: RATE,
  momentum: field.optional(field.fraction()),
  weightDecay: field.optional(field.number(0)),
};

/** @throws ConfigError that lists every bad option. */
export function sgd(options: SGDOptions): Optimizer {
  checkCall("sgd", { options: field.object(SGD_OPTIONS) }, arguments);
  const { lr, momentum = 0, weightDecay = 0 } = options;
  const rate = asSchedule(lr);
  return {
    name: "sgd",
    config: { momentum, weightDecay },
    learningRate: rate,
    init: (...given) => {
      const [parameters] = initCall(given);
      return initState(parameters, momentum > 0 ? { velocity: "sgd.velocity" } : {});
    },
    update: (...given) => {
      const { trees, call } = updateCall(given, ...(momentum > 0 ? ["velocity"] : []));
      const { step, gradScale, copyTo } = call;
      const lr = rate(step);
      const decays = trees[0].map(() => weightDecay);
      forEachRun(trees, copyTo, decays, ([p, g, velocity], copy, decay) => {
        const found = momentum > 0 ? velocity : undefined;
        sgdStep(p, g, found, { lr, momentum, weightDecay: decay, ...extras(gradScale, copy) });
      });
    },
  };
}

type Trees = readonly [p: Tensor[], g: Tensor[], first: Tensor[], second: Tensor[]];

const TREE = field.any("a tree of tensors");
const INIT = { parameters: TREE };
const COUNT = field.nonNegativeInteger(2 ** 32 - 2);
const UPDATE: FieldsOf<UpdateCall> = {
  step: COUNT,
  updates: field.optional(COUNT),
  gradScale: field.optional(field.tensor("of one element")),
  copyTo: field.optional(TREE),
};
const ARGUMENTS = { parameters: TREE, grads: TREE, state: field.having({}), call: field.object(UPDATE) };

function initCall(given: Parameters<Optimizer["init"]>): typeof given {
  checkCall("optimizer.init", INIT, given);
  return given;
}

/**
 * The tensors of each tree, in one order.
 *
 * @param names - what the optimiser remembers of each parameter
 * @throws ConfigError for trees that do not belong together.
 */
function updateCall(
  given: Parameters<Optimizer["update"]>,
  ...names: readonly string[]
): { readonly trees: Trees; readonly call: UpdateCall } {
  checkCall("optimizer.update", ARGUMENTS, given);
  const [parameters, grads, state, call] = given;
  const wanted: Record<string, unknown> = { parameters, grads };
  for (const name of names) wanted[`state.${name}`] = state[name];
  if (call.copyTo !== undefined) wanted["call.copyTo"] = call.copyTo;
  checkWeights("optimizer.update", parameters);
  for (const [name, tree] of Object.entries(wanted)) checkParameters("optimizer.update", tree, name);
  const trees = Object.values(wanted).map((tree) => treeTensors(tree));
  const counts = trees.map(({ length }) => length);
  if (counts.some((count) => count !== counts[0])) {
    throw new ConfigError("optimizer.update: the trees do not belong together", {
      details: Object.keys(wanted).map((name, i) => `${name}: ${counts[i]} tensors`),
      fix: "pass the gradients of these parameters, and the state that init gave for them",
    });
  }
  const [p = [], g = [], first = [], second = []] = trees.slice(0, 2 + names.length);
  return { trees: [p, g, first, second], call };
}

/** Entries of p, g, m and v, of one tensor or a run of them; those that the optimiser does not have are of p. */
type Entry = readonly [p: Tensor, g: Tensor, first: Tensor, second: Tensor];

/**
 * Calls `step` for tensors that lie side by side in all trees and have one decay at once, and for others one by one.
 */
function forEachRun(
  [p, g, first, second]: Trees,
  copyTo: unknown,
  decays: readonly number[],
  step: (entry: Entry, copy: Tensor | undefined, decay: number) => void,
): void {
  const copies = treeTensors(copyTo);
  const lists = [p, g, first, second, copies];
  // Another shape is the step's to refuse, with the tensor's own name for it.
  const alike = (i: number): boolean =>
    lists.every((list) => list.length === 0 || sameShape((list[i] as Tensor).shape, (p[i] as Tensor).shape));
  const kinds = decays.map((decay, i) => (alike(i) ? decay : {}));
  p[0]?.device.scope(() => {
    for (const { members, of } of joinedRuns(lists, kinds)) {
      const param = of(0) as Tensor;
      const entry = [param, of(1) as Tensor, of(2) ?? param, of(3) ?? param] as const;
      step(entry, of(4), decays[members[0] as number] as number);
    }
  });
}

function extras(gradScale: Tensor | undefined, copyTo: Tensor | undefined): StepOptions {
  return { ...(gradScale ? { gradScale } : {}), ...(copyTo ? { copyTo } : {}) };
}

function asSchedule(lr: number | Schedule): Schedule {
  return (...given) => {
    checkCall("optimizer.learningRate", { step: COUNT }, given);
    if (typeof lr === "number") return lr;
    const rate = lr(given[0]);
    checkArgument("optimizer.learningRate", "what the schedule returns", field.number(0), rate);
    return rate;
  };
}

/**
 * A tree of zeros, in the shape of the parameters, for each label. Where there is no room for all of them, none is
 * left.
 */
function initState(parameters: unknown, labels: Readonly<Record<string, string>>): OptimizerState {
  checkWeights("optimizer.init", parameters);
  const zeros = (label: string) => joinedLike(parameters, { dtype: "f32", label, value: 0 });
  const all = () => Object.fromEntries(Object.entries(labels).map(([name, label]) => [name, zeros(label)]));
  const device = treeTensors(parameters)[0]?.device;
  return device ? device.scope(all) : all();
}

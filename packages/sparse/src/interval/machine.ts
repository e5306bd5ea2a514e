import { ConfigError } from "@dilated/core";
import { type Captured, checkIndex } from "../expression/capture.ts";
import type { OperatorName } from "../expression/operators.ts";
import type { Program, Step } from "../expression/program.ts";
import { result, ruleOf } from "./bounds.ts";
import { boundsWithin, extremesOf } from "./extremes.ts";
import { type Bounds, loopOf } from "./loops.ts";

/** Boxes that are looked at together: their bounds stay in the cache. */
const BATCH = 512;

/** Bounds of variables that are the same in all boxes. */
export interface Fixed {
  readonly b: readonly [number, number];
  readonly h: readonly [number, number];
  readonly qLength: number;
  readonly kLength: number;
}

/** Evaluates an expression over boxes of queries and keys, many at a time. */
export interface Machine {
  /** Boxes at a time, at most. */
  readonly batch: number;
  /** What is asked: bounds of q and k of each box. */
  readonly q: Bounds;
  readonly k: Bounds;
  /** What came out. */
  readonly value: Bounds;
  /** Bounds of the value in the first `count` boxes. */
  run(count: number): void;
}

type Action = (count: number) => void;

const bounds = (low = 0, high = low): Bounds => ({
  low: new Float64Array(BATCH).fill(low),
  high: new Float64Array(BATCH).fill(high),
});

/** A machine for a program and what is fixed. */
export function machineOf({ steps, captures }: Program, fixed: Fixed): Machine {
  const [q, k] = [bounds(), bounds()];
  const values: Bounds[] = [];
  const actions: Action[] = [];
  for (const step of steps) {
    const { op, name, args } = step;
    if (op === "variable" && (name === "q" || name === "k")) values.push(name === "q" ? q : k);
    else if (op === "variable") values.push(bounds(...variable(step, fixed)));
    else if (op === "constant") values.push(bounds(step.value));
    else {
      const of = args.map((arg) => values[arg] as Bounds);
      const to = bounds();
      const capture = captures[step.capture];
      actions.push(capture ? loading(capture, of, to) : operating(op as OperatorName, step, of, to));
      values.push(to);
    }
  }
  const value = values.at(-1) as Bounds;
  return {
    batch: BATCH,
    q,
    k,
    value,
    run: (count) => {
      for (const act of actions) act(count);
    },
  };
}

function variable({ name }: Step, fixed: Fixed): readonly [number, number] {
  if (name === "b" || name === "h") return fixed[name];
  if (name === "qLength" || name === "kLength") return [fixed[name], fixed[name]];
  return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]; // a score
}

function operating(op: OperatorName, step: Step, of: readonly Bounds[], to: Bounds): Action {
  const [a = to, b = a, c = a] = of;
  const loop = loopOf(step, a, b, to);
  if (loop) return loop;
  const rule = ruleOf(op, step.of);
  // x - x is 0, whatever bounds x; of f32 it may be NaN.
  const cancels = op === "sub" && a === b && step.of !== "f32";
  const [a0, a1, b0, b1, c0, c1] = [a.low, a.high, b.low, b.high, c.low, c.high];
  return (count) => {
    for (let i = 0; i < count; i++) {
      rule(a0[i] as number, a1[i] as number, b0[i] as number, b1[i] as number, c0[i] as number, c1[i] as number);
      to.low[i] = cancels ? 0 : (result[0] as number);
      to.high[i] = cancels ? 0 : (result[1] as number);
    }
  };
}

/** Bounds of the elements that an index may be; all of them where more than its last axis is open. */
function loading(capture: Captured, of: readonly Bounds[], to: Bounds): Action {
  const { shape } = capture;
  const extremes = extremesOf(capture);
  const outer = of.slice(0, -1);
  const last = of.at(-1);
  if (outer.length === 0 && last)
    return (count) => {
      for (let i = 0; i < count; i++) {
        boundsWithin(extremes, 0, last.low[i] as number, last.high[i] as number);
        to.low[i] = result[0] as number;
        to.high[i] = result[1] as number;
      }
    };
  return (count) => {
    for (let i = 0; i < count; i++) {
      let row = 0;
      let open = last === undefined;
      for (const [axis, { low, high }] of outer.entries()) {
        row = row * (shape[axis] as number) + (low[i] as number);
        open ||= low[i] !== high[i];
      }
      if (!open && last) boundsWithin(extremes, row, last.low[i] as number, last.high[i] as number);
      to.low[i] = open ? extremes.least : (result[0] as number);
      to.high[i] = open ? extremes.most : (result[1] as number);
    }
  };
}

/**
 * Throws where a mask or a score reads past a captured tensor, or may do so as far as intervals tell; a mask also where
 * it reads a tensor of a device: its blocks are found on the host.
 */
export function checkReads(caller: string, program: Program, fixed: Fixed, onHost: boolean): void {
  const { steps, captures } = program;
  if (onHost && captures.some(({ values }) => values === undefined))
    throw new ConfigError(`${caller}: a mask cannot read a tensor of a device`, {
      details: ["its blocks are found on the host, from the values themselves"],
      fix: "capture its values: capture(await tensor.data(), { shape })",
    });
  if (captures.length === 0) return;
  const whole = (size: number): readonly [number, number] => [0, Math.max(0, size - 1)];
  const [q, k] = [whole(fixed.qLength), whole(fixed.kLength)];
  const found: (readonly [number, number])[] = [];
  for (const step of steps) found.push(boundsOf(caller, step, found, { ...fixed, q, k }, captures));
}

/** Bounds of one step over all places; throws where it reads past what is captured. */
function boundsOf(
  caller: string,
  step: Step,
  found: readonly (readonly [number, number])[],
  fixed: Fixed & { readonly q: readonly [number, number]; readonly k: readonly [number, number] },
  captures: readonly Captured[],
): readonly [number, number] {
  const { op, name, args, value, capture } = step;
  if (op === "constant") return [value, value];
  if (op === "variable") return name === "q" || name === "k" ? fixed[name] : variable(step, fixed);
  const of = args.map((arg) => found[arg] as readonly [number, number]);
  if (op !== "load") {
    const [a, b = a, c = a] = of as [readonly [number, number], ...(readonly [number, number])[]];
    ruleOf(op, step.of)(...a, ...b, ...c);
    return [result[0] as number, result[1] as number];
  }
  const source = captures[capture] as Captured;
  for (const [axis, [low, high]] of of.entries()) checkIndex(caller, source, axis, low, high);
  if (!source.values) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const { least, most } = extremesOf(source);
  return [least, most];
}

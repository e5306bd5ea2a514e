import type { Captured } from "./capture.ts";
import type { Node } from "./node.ts";
import { scalarOf } from "./operators.ts";
import { type Program, programOf, type Step } from "./program.ts";
import type { VariableName } from "./variables.ts";

/** Where an expression is evaluated. */
export interface Point {
  readonly b?: number | undefined;
  readonly h?: number | undefined;
  readonly q: number;
  readonly k: number;
  readonly qLength?: number | undefined;
  readonly kLength?: number | undefined;
  readonly score?: number | undefined;
}

/** The definition of an expression: its value at a point, truth values as 0 and 1. */
export type Closure = (point: Point) => number;

/**
 * The closure of a tree: no text is evaluated, so any policy of a page allows it.
 *
 * @param fixed - what points need not say
 */
export function closureOf(root: Node, fixed: Partial<Point> = {}): Closure {
  const program = programOf(root);
  const values = new Float64Array(program.steps.length);
  const actions = program.steps.map((step, i) => actionOf(program, step, i, values, fixed));
  const last = values.length - 1;
  return (point) => {
    for (const act of actions) act(point);
    return values[last] as number;
  };
}

function actionOf(
  { captures }: Program,
  step: Step,
  i: number,
  values: Float64Array,
  fixed: Partial<Point>,
): (point: Point) => void {
  const { op, args, of, value, name, capture } = step;
  if (op === "constant")
    return () => {
      values[i] = value;
    };
  const given = fixed[name as VariableName] ?? 0;
  if (op === "variable")
    return (point) => {
      values[i] = point[name as VariableName] ?? given;
    };
  if (op === "load") {
    const source = captures[capture] as Captured;
    const index = args.map(() => 0);
    return () => {
      for (const [axis, arg] of args.entries()) index[axis] = values[arg] as number;
      values[i] = elementOf(source, index);
    };
  }
  const scalar = scalarOf(op, of);
  const [a = 0, b = 0, c = 0] = args;
  return () => {
    values[i] = scalar(values[a] as number, values[b] as number, values[c] as number);
  };
}

/** An element of a captured tensor; NaN where there is none, or where it is on a device. */
export function elementOf({ shape, values }: Captured, index: readonly number[]): number {
  let at = 0;
  for (const [axis, size] of shape.entries()) at = at * size + (index[axis] as number);
  return values?.[at] ?? Number.NaN;
}

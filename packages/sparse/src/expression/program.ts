import { LimitError } from "@dilated/core";
import type { Captured } from "./capture.ts";
import type { Node, ValueType } from "./node.ts";
import type { OperatorName } from "./operators.ts";
import type { VariableName } from "./variables.ts";

/** One value of a program: what every backend is made from. */
export interface Step {
  readonly op: OperatorName | "constant" | "variable" | "load";
  readonly type: ValueType;
  /** Numbers of earlier steps. */
  readonly args: readonly number[];
  /** Type of the operands, by which the operator is chosen. */
  readonly of: ValueType;
  readonly value: number;
  readonly name: VariableName | "";
  /** Number of the captured tensor, or -1. */
  readonly capture: number;
}

/** A tree as a list of steps, each subtree once, the result last. */
export interface Program {
  /** The same for equal trees, whatever the values of what they capture: pipelines are kept by it. */
  readonly key: string;
  readonly type: ValueType;
  readonly steps: readonly Step[];
  /** In order of their first use. */
  readonly captures: readonly Captured[];
  /** The node of each step. */
  readonly nodes: readonly Node[];
  readonly uses: (name: VariableName) => boolean;
}

const MOST_STEPS = 4096;
const known = new WeakMap<Node, Program>();

/** The program of a tree, made once. */
export function programOf(root: Node): Program {
  const program = known.get(root) ?? linear(root);
  known.set(root, program);
  return program;
}

function linear(root: Node): Program {
  const steps: Step[] = [];
  const nodes: Node[] = [];
  const captures: Captured[] = [];
  const texts = new Map<string, number>();
  const numbers = new Map<Node, number>();
  const visit = (node: Node): number => {
    const seen = numbers.get(node);
    if (seen !== undefined) return seen;
    const args = node.args.map(visit);
    const { op, type, value = 0, name = "", capture } = node;
    if (capture && !captures.includes(capture)) captures.push(capture);
    const which = capture ? captures.indexOf(capture) : -1;
    const of = steps[args.at(-1) ?? -1]?.type ?? type;
    // -0 and 0 are two numbers.
    const leaf = op === "constant" ? (Object.is(value, -0) ? "-0" : value) : capture ? which : name;
    const text = `${op} ${of} ${type} ${leaf} ${args}`;
    const number = texts.get(text) ?? steps.length;
    if (number === steps.length) {
      steps.push({ op, type, args, of, value, name, capture: which } as Step);
      nodes.push(node);
      texts.set(text, number);
      if (number >= MOST_STEPS)
        throw new LimitError(`expression: more than ${MOST_STEPS} operators`, {
          fix: "read what differs from a captured tensor",
        });
    }
    numbers.set(node, number);
    return number;
  };
  visit(root);
  const names = new Set(steps.map(({ name }) => name));
  return {
    key: [...texts.keys()].join(";"),
    type: root.type,
    steps,
    captures,
    nodes,
    uses: (name) => names.has(name),
  };
}

import { operate } from "./build.ts";
import type { Node, NumberNode } from "./node.ts";
import type { OperatorName } from "./operators.ts";
import { type Program, programOf } from "./program.ts";

type F32 = NumberNode<"f32">;
type Maybe = Node | undefined;

/**
 * The derivative of a function of f32 with respect to some of its leaves: the score, or an element that it reads. What
 * does not depend on them, integers and truth values among it, has the derivative 0, which is `undefined` here. Steps
 * (`floor`) have 0; at a kink (`abs`, `min`, `max`) it is that of one side.
 */
export function derivativeOf(root: Node, by: (leaf: Node) => boolean): F32 | undefined {
  const program = programOf(root);
  const found: Maybe[] = [];
  for (let i = 0; i < program.steps.length; i++) found.push(ofStep(program, i, found, by));
  return found.at(-1) as F32 | undefined;
}

function ofStep({ steps, nodes }: Program, i: number, found: readonly Maybe[], by: (leaf: Node) => boolean): Maybe {
  const { op, type, args, of } = steps[i] as Program["steps"][number];
  const node = nodes[i] as F32;
  if (type !== "f32") return undefined;
  if (op === "variable" || op === "load") return by(node) ? number(1) : undefined;
  if (op === "constant" || (of !== "f32" && op !== "select")) return undefined;
  const [x, y] = args.map((arg) => nodes[arg] as F32) as [F32, F32];
  const [dx, dy, dz] = args.map((arg) => found[arg]);
  switch (op) {
    case "add":
      return sum(dx, dy);
    case "sub":
      return sum(dx, dy && minus(dy));
    case "mul":
      return sum(times(dx, y), times(x, dy));
    case "div":
      return sum(over(dx, y), minus(times(over(node, y), dy)));
    case "mod":
      return sum(dx, minus(times(of2("floor", of2("div", x, y)), dy)));
    case "min":
      return either(x.le(y), dx, dy);
    case "max":
      return either(x.ge(y), dx, dy);
    case "abs":
      return dx && either(x.ge(0), dx, minus(dx));
    case "neg":
      return minus(dx);
    case "exp":
      return times(dx, node);
    case "log":
      return over(dx, x);
    case "sqrt":
      return over(times(number(0.5), dx), node);
    case "tanh":
      return times(dx, number(1).sub(node.mul(node)));
    case "pow":
      return sum(times(dx, y.mul(x.pow(y.sub(1)))), times(dy, node.mul(x.log())));
    case "select":
      return either(x, dy, dz);
    default:
      return undefined; // floor
  }
}

const of2 = (op: OperatorName, ...operands: Node[]): Node => operate(op, operands);
const number = (value: number): F32 => operate("select", [true, value, value]) as F32;
const isOne = (node: Node): boolean => node.op === "constant" && node.value === 1;

const sum = (a: Maybe, b: Maybe): Maybe => (a && b ? of2("add", a, b) : (a ?? b));
const minus = (a: Maybe): Maybe => a && of2("neg", a);
const over = (a: Maybe, b: Node): Maybe => a && of2("div", a, b);

function times(a: Maybe, b: Maybe): Maybe {
  if (!a || !b) return undefined;
  if (isOne(a)) return b;
  return isOne(b) ? a : of2("mul", a, b);
}

const either = (condition: Node, yes: Maybe, no: Maybe): Maybe =>
  (yes || no) && of2("select", condition, yes ?? number(0), no ?? number(0));

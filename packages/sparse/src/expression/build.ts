import { ConfigError, checkCall, field, LimitError, show } from "@dilated/core";
import type { Captured } from "./capture.ts";
import type { BoolNode, Node, NumberNode, NumberType, ValueType } from "./node.ts";
import { OPERATORS, type Operator, type OperatorName, ROUND, scalarOf } from "./operators.ts";

/** What goes down the tree by recursion needs an end of it. */
const DEEPEST = 1000;
const LARGEST: Readonly<Record<NumberType, readonly [number, number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  f32: [-3.4028234663852886e38, 3.4028234663852886e38],
};

const nodes = new WeakSet<object>();

/** Is it a node that this package made? */
export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && nodes.has(value);

interface Parts {
  readonly op: string;
  readonly type: ValueType;
  readonly args?: readonly Node[];
  readonly value?: number;
  readonly name?: string;
  readonly capture?: Captured;
}

type Method = (this: Node, ...operands: unknown[]) => Node;
let methods: Readonly<Record<string, Method>> | undefined;

/** One method an operator, made when the first node is. */
function methodsOf(): Readonly<Record<string, Method>> {
  const entries = Object.keys(OPERATORS).map((op): [string, Method] => [
    op,
    function (...operands) {
      return operate(op as OperatorName, [this, ...operands]);
    },
  ]);
  const described = entries.map(([op, value]) => [op, { value }] as const);
  // Not plain: a node is never taken for an options object.
  return Object.create(Object.create(null), Object.fromEntries(described));
}

/** A node, frozen, with its methods. */
export function makeNode({ args = [], ...parts }: Parts): Node {
  methods ??= methodsOf();
  const depth = args.reduce((most, { depth }) => Math.max(most, depth), 0) + 1;
  if (depth > DEEPEST)
    throw new LimitError(`expression: ${depth} operators one within another; at most ${DEEPEST} are`, {
      fix: "join conditions pairwise, as a tree, or read what differs from a captured tensor",
    });
  const node: Node = Object.freeze(
    Object.assign(Object.create(methods), { ...parts, args: Object.freeze(args), depth }),
  );
  nodes.add(node);
  return node;
}

/** A number as a node of a type. */
export function makeConstant<T extends ValueType>(
  caller: string,
  value: unknown,
  type: T,
  name = "an operand",
): Node<T> {
  const wrong = (allowed: string, fix: string): ConfigError =>
    new ConfigError(`${caller}: ${name} must be ${allowed}`, { details: [`given: ${show(value)}`], fix });
  if (type === "bool") {
    if (typeof value !== "boolean") throw wrong("a truth value", "compare numbers first: x.gt(0)");
    return makeNode({ op: "constant", type, value: +value }) as Node<T>;
  }
  const [low, high] = LARGEST[type as NumberType];
  const whole = type === "f32" || Number.isInteger(value);
  if (typeof value !== "number" || !whole || !(value >= low && value <= high))
    throw wrong(
      `a node or a number of type ${type}`,
      type === "f32" ? "pass a finite number" : "pass an integer, or make the other operand f32 with toF32()",
    );
  return makeNode({ op: "constant", type, value: ROUND[type](value) }) as Node<T>;
}

/** The operands of one operator as nodes of one type. */
function operandsOf(op: OperatorName, given: readonly unknown[]): Node[] {
  const selects = op === "select";
  const typed = given.slice(selects ? 1 : 0).find(isNode)?.type;
  const type: ValueType = typed ?? (selects ? "f32" : "bool");
  return given.map((operand, i) => {
    if (!isNode(operand)) return makeConstant(op, operand, selects && i === 0 ? "bool" : type);
    if (!(selects && i === 0) && operand.type !== type)
      throw new ConfigError(`${op}: the operands must have one type`, {
        details: given.map((each) => (isNode(each) ? `a node of type ${each.type}` : show(each))),
        fix: "cast one of them: toI32(), toU32() or toF32()",
      });
    return operand;
  });
}

/** A node of an operator; what is known already is computed here, in the arithmetic of its type. */
export function operate(op: OperatorName, given: readonly unknown[]): Node {
  const { arity, operands, result }: Operator = OPERATORS[op];
  if (given.length !== arity)
    throw new ConfigError(
      `${op}: takes ${arity - 1} operand${arity === 2 ? "" : "s"}, and was given ${given.length - 1}`,
    );
  const args = operandsOf(op, given);
  const type = (args.at(-1) as Node).type;
  const first = args[0] as Node;
  if (op === "select" && first.type !== "bool")
    throw new ConfigError("select: is a method of truth values", {
      details: [`called on a node of type ${first.type}`],
      fix: "compare numbers first: x.gt(0).select(yes, no)",
    });
  if (!operands.includes(type))
    throw new ConfigError(`${op}: is not defined for ${type}`, {
      details: [`defined for ${operands.join(", ")}`],
      fix:
        type === "bool"
          ? "cast the truth value: toI32()"
          : result || operands[0] !== "bool"
            ? "cast it"
            : "compare numbers first: x.gt(0)",
    });
  return simplified(op, args) ?? folded(op, args, result ?? type) ?? makeNode({ op, type: result ?? type, args });
}

function folded(op: OperatorName, args: readonly Node[], type: ValueType): Node | undefined {
  const [a, b, c] = args.map(({ op: each, value }) => (each === "constant" ? value : undefined));
  if (args.some(({ op: each }) => each !== "constant")) return undefined;
  const operands = (args.at(-1) as Node).type;
  const value = scalarOf(op, operands)(a as number, b as number, c as number);
  if (!Number.isFinite(value))
    throw new ConfigError(`${op}: of these constants gives ${value}`, { details: args.map((arg) => `${arg.value}`) });
  return makeNode({ op: "constant", type, value });
}

/** Truth values that decide, or change nothing. */
function simplified(op: OperatorName, args: readonly Node[]): Node | undefined {
  const known = args.findIndex(({ op: each }) => each === "constant");
  const value = args[known]?.value === 1;
  if (known < 0) return undefined;
  if (op === "and") return value ? args[1 - known] : args[known];
  if (op === "or") return value ? args[known] : args[1 - known];
  if (op === "select" && known === 0) return args[value ? 1 : 2];
  const [divided, divisor] = args;
  if ((op === "div" || op === "mod") && divisor?.op === "constant" && divisor.value === 0)
    throw new ConfigError(`${op}: by 0`, {
      details: [`of a node of type ${divided?.type}`],
      fix: "divide by another number",
    });
  return undefined;
}

const ARGUMENTS = {
  value: field.either(field.number(), field.boolean()),
  type: field.optional(field.oneOf(["i32", "u32", "f32", "bool"])),
};

/**
 * A number or truth value as a node: where no operand says of which type it is.
 *
 * @throws ConfigError for a value that the type does not hold.
 */
export function constant(value: boolean): BoolNode;
export function constant<T extends NumberType>(value: number, type: T): NumberNode<T>;
export function constant(value: number | boolean, type: ValueType = "bool"): Node {
  checkCall("constant", ARGUMENTS, arguments);
  if (typeof value === "number" && type === "bool")
    throw new ConfigError("constant: type must say of which type a number is", {
      details: [`type: ${type}`],
      fix: 'constant(5, "i32")',
    });
  return makeConstant("constant", value, type, "value");
}

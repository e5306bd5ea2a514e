import { layoutOf } from "./captures.ts";
import type { ValueType } from "./node.ts";
import { CAST_RANGE, type OperatorName } from "./operators.ts";
import type { Program, Step } from "./program.ts";

/** How a function's text names what is around it. */
export interface WgslOptions {
  /** Its name, which its helpers begin with as well. */
  readonly name: string;
  /** Expression of the word at an index, which is a u32 expression. @defaultValue captured[index] */
  readonly word?: ((index: string) => string) | undefined;
  /** Expression (i32) of parameter i of the layout. @defaultValue captured_parameters[i] */
  readonly parameter?: ((i: number) => string) | undefined;
}

/** Parameters of every function, in this order; functions of scores have `score: f32` behind them. */
export const WGSL_PARAMETERS = "b: i32, h: i32, q: i32, k: i32, q_length: i32, k_length: i32";

const INFIX: Partial<Record<OperatorName, string>> = {
  ...{ add: "+", sub: "-", mul: "*", lt: "<", le: "<=", gt: ">", ge: ">=", eq: "==", ne: "!=" },
  ...{ and: "&&", or: "||", xor: "!=", bitAnd: "&", bitOr: "|", bitXor: "^" },
};
const CALLED = new Set<string>(["min", "max", "abs", "floor", "exp", "log", "sqrt", "pow"]);

/** Quotients that are rounded down, which WGSL has none of; by 0 they give 0. */
const HELPERS: Readonly<Record<string, string>> = {
  div_i32: `(a: i32, b: i32) -> i32 {
  if (b == 0) { return 0; }
  return a / b - select(0, 1, a % b != 0 && (a < 0) != (b < 0));
}`,
  div_u32: `(a: u32, b: u32) -> u32 {
  if (b == 0u) { return 0u; }
  return a / b;
}`,
  mod_i32: `(a: i32, b: i32) -> i32 {
  if (b == 0) { return 0; }
  let rest = a % b;
  return rest + select(0, b, rest != 0 && (rest < 0) != (b < 0));
}`,
  mod_u32: `(a: u32, b: u32) -> u32 {
  if (b == 0u) { return 0u; }
  return a % b;
}`,
  mod_f32: `(a: f32, b: f32) -> f32 {
  return a - b * floor(a / b);
}`,
};

/**
 * The text of a function of a place (and score), its helpers before it. Neither lengths nor captured values are in it:
 * equal keys of programs give equal texts.
 */
export function wgslOf(program: Program, options: WgslOptions): string {
  const { name, word = (i) => `captured[${i}]`, parameter = (i) => `captured_parameters[${i}]` } = options;
  const { steps, captures } = program;
  const { parameterAt } = layoutOf(captures);
  const helpers = new Set<string>();
  const value = (i: number): string => {
    const step = steps[i] as Step;
    if (step.op === "constant") return literal(step.value, step.type);
    return step.op === "variable" ? variable(step.name) : `v${i}`;
  };
  const element = ({ capture, type, args }: Step): string => {
    const first = parameterAt[capture] as number;
    const terms = args.map((arg, axis) =>
      axis === args.length - 1 ? value(arg) : `${value(arg)} * ${parameter(first + 1 + axis)}`,
    );
    const read = word(`u32(${[parameter(first), ...terms].join(" + ")})`);
    if (type === "bool") return `${read} != 0u`;
    return type === "u32" ? read : `bitcast<${type}>(${read})`;
  };
  const expression = (step: Step): string => {
    const { op, of } = step;
    if (op === "load") return element(step);
    const args = step.args.map(value);
    const [a, b, c] = args;
    const infix = INFIX[op as OperatorName];
    if (infix) return `${a} ${infix} ${b}`;
    if (CALLED.has(op)) return `${op}(${args.join(", ")})`;
    const helper = `${op}_${of}`;
    if (helper in HELPERS) {
      helpers.add(helper);
      return `${name}_${helper}(${args.join(", ")})`;
    }
    return special(op as OperatorName, of, a, b, c);
  };
  const lines = steps.flatMap((step, i) =>
    step.op === "constant" || step.op === "variable" ? [] : [`  let v${i} = ${expression(step)};`],
  );
  const score = program.uses("score") || program.type === "f32" ? ", score: f32" : "";
  return [
    ...[...helpers].map((helper) => `fn ${name}_${helper}${HELPERS[helper]}\n`),
    `fn ${name}(${WGSL_PARAMETERS}${score}) -> ${program.type} {`,
    ...lines,
    `  return ${value(steps.length - 1)};`,
    "}\n",
  ].join("\n");
}

function special(op: OperatorName, of: ValueType, a = "", b = "", c = ""): string {
  switch (op) {
    case "div":
      return `${a} / ${b}`;
    case "neg":
      return `-${a}`;
    case "not":
      return `!${a}`;
    case "select":
      return `select(${c}, ${b}, ${a})`;
    case "shiftLeft":
      return `${a} << (u32(${b}) & 31u)`;
    case "shiftRight":
      return `${a} >> (u32(${b}) & 31u)`;
    case "tanh": // 1 from there on; some drivers divide infinities further out
      return `tanh(clamp(${a}, -15f, 15f))`;
    default: {
      const type = op === "toI32" ? "i32" : op === "toU32" ? "u32" : "f32";
      if (type === "f32" || of !== "f32")
        return of === "bool" ? `select(${type}(0), ${type}(1), ${a})` : `${type}(${a})`;
      const [low, high] = CAST_RANGE[type];
      return `${type}(clamp(${a}, ${literal(low, "f32")}, ${literal(high, "f32")}))`;
    }
  }
}

const NAMES: Readonly<Record<string, string>> = { qLength: "q_length", kLength: "k_length" };
const variable = (name: string): string => NAMES[name] ?? name;

/** Exactly this value, as an expression that stands anywhere. */
function literal(value: number, type: ValueType): string {
  if (type === "bool") return value ? "true" : "false";
  if (type === "u32") return `${value}u`;
  if (type === "i32") return value < 0 ? `i32(${value})` : `${value}i`;
  return value < 0 || Object.is(value, -0) ? `(-${-value}f)` : `${value}f`;
}

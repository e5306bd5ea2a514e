import type { ValueType } from "./node.ts";

/** What an operator takes and gives. */
export interface Operator {
  readonly operands: readonly ValueType[];
  /** Operands, all of one type; but for `select`, whose first is a truth value. */
  readonly arity: 1 | 2 | 3;
  /** Absent: the type of the operands. */
  readonly result?: ValueType;
}

export type OperatorName =
  | ("add" | "sub" | "mul" | "div" | "mod" | "min" | "max" | "abs" | "neg")
  | ("lt" | "le" | "gt" | "ge" | "eq" | "ne" | "and" | "or" | "xor" | "not" | "select")
  | ("bitAnd" | "bitOr" | "bitXor" | "shiftLeft" | "shiftRight")
  | ("floor" | "exp" | "log" | "sqrt" | "tanh" | "pow" | "toI32" | "toU32" | "toF32");

const INTEGERS = ["i32", "u32"] as const;
const NUMBERS = ["i32", "u32", "f32"] as const;
const SIGNED = ["i32", "f32"] as const;
const FLOATS = ["f32"] as const;
const ALL = ["i32", "u32", "f32", "bool"] as const;
const TRUTH = ["bool"] as const;

const binary = (operands: readonly ValueType[], result?: ValueType): Operator => ({
  operands,
  arity: 2,
  ...(result && { result }),
});
const unary = (operands: readonly ValueType[], result?: ValueType): Operator => ({
  ...binary(operands, result),
  arity: 1,
});

/** Every operator by name; all that there is to know of one but what it does. */
export const OPERATORS: Readonly<Record<OperatorName, Operator>> = {
  add: binary(NUMBERS),
  sub: binary(NUMBERS),
  mul: binary(NUMBERS),
  div: binary(NUMBERS),
  mod: binary(NUMBERS),
  min: binary(NUMBERS),
  max: binary(NUMBERS),
  abs: unary(SIGNED),
  neg: unary(SIGNED),
  lt: binary(NUMBERS, "bool"),
  le: binary(NUMBERS, "bool"),
  gt: binary(NUMBERS, "bool"),
  ge: binary(NUMBERS, "bool"),
  eq: binary(NUMBERS, "bool"),
  ne: binary(NUMBERS, "bool"),
  and: binary(TRUTH),
  or: binary(TRUTH),
  xor: binary(TRUTH),
  not: unary(TRUTH),
  select: { operands: NUMBERS, arity: 3 },
  bitAnd: binary(INTEGERS),
  bitOr: binary(INTEGERS),
  bitXor: binary(INTEGERS),
  shiftLeft: binary(INTEGERS),
  shiftRight: binary(INTEGERS),
  floor: unary(FLOATS),
  exp: unary(FLOATS),
  log: unary(FLOATS),
  sqrt: unary(FLOATS),
  tanh: unary(FLOATS),
  pow: binary(FLOATS),
  toI32: unary(ALL, "i32"),
  toU32: unary(ALL, "u32"),
  toF32: unary(ALL, "f32"),
};

/** What an operator does to numbers; truth values are 0 and 1. */
export type Scalar = (a: number, b: number, c: number) => number;

/** A number as a type holds it: modulo 2^32, or rounded to f32. */
export const ROUND: Readonly<Record<ValueType, (x: number) => number>> = {
  i32: (x) => x | 0,
  u32: (x) => x >>> 0,
  f32: Math.fround,
  bool: (x) => x,
};

/** The f32 nearest to the ends of the integer types, within them: what casts from f32 are held to, as in WGSL. */
export const CAST_RANGE = { i32: [-2147483648, 2147483520], u32: [0, 4294967040] } as const;

const within = ([low, high]: readonly [number, number], x: number): number =>
  Number.isNaN(x) ? 0 : Math.trunc(Math.min(high, Math.max(low, x)));

/** The definition of an operator for operands of a type, to which all backends are held. */
export function scalarOf(op: OperatorName, type: ValueType): Scalar {
  const to = ROUND[type];
  const float = type === "f32";
  switch (op) {
    case "add":
      return (a, b) => to(a + b);
    case "sub":
      return (a, b) => to(a - b);
    case "mul":
      return float ? (a, b) => Math.fround(a * b) : (a, b) => to(Math.imul(a, b));
    case "div":
      return float ? (a, b) => Math.fround(a / b) : (a, b) => (b === 0 ? 0 : to(Math.floor(a / b)));
    case "mod":
      return float
        ? (a, b) => Math.fround(a - Math.fround(b * Math.floor(Math.fround(a / b))))
        : (a, b) => (b === 0 ? 0 : to(a - b * Math.floor(a / b)));
    case "min":
      return (a, b) => Math.min(a, b);
    case "max":
      return (a, b) => Math.max(a, b);
    case "abs":
      return (a) => to(Math.abs(a));
    case "neg":
      return (a) => to(-a);
    case "lt":
      return (a, b) => +(a < b);
    case "le":
      return (a, b) => +(a <= b);
    case "gt":
      return (a, b) => +(a > b);
    case "ge":
      return (a, b) => +(a >= b);
    case "eq":
      return (a, b) => +(a === b);
    case "ne":
      return (a, b) => +(a !== b);
    case "and":
    case "bitAnd":
      return (a, b) => to(a & b);
    case "or":
    case "bitOr":
      return (a, b) => to(a | b);
    case "xor":
    case "bitXor":
      return (a, b) => to(a ^ b);
    case "not":
      return (a) => 1 - a;
    case "select":
      return (a, b, c) => (a ? b : c);
    case "shiftLeft":
      return (a, b) => to(a << b);
    case "shiftRight":
      return type === "i32" ? (a, b) => a >> b : (a, b) => a >>> b;
    case "floor":
      return Math.floor;
    case "exp":
      return (a) => Math.fround(Math.exp(a));
    case "log":
      return (a) => Math.fround(Math.log(a));
    case "sqrt":
      return (a) => Math.fround(Math.sqrt(a));
    case "tanh":
      return (a) => Math.fround(Math.tanh(a));
    case "pow":
      return (a, b) => Math.fround(a ** b);
    case "toI32":
      return float ? (a) => within(CAST_RANGE.i32, a) : (a) => a | 0;
    case "toU32":
      return float ? (a) => within(CAST_RANGE.u32, a) : (a) => a >>> 0;
    case "toF32":
      return Math.fround;
  }
}

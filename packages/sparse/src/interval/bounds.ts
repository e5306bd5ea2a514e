import type { ValueType } from "../expression/node.ts";
import type { OperatorName } from "../expression/operators.ts";
import { CAST_RANGE, scalarOf } from "../expression/operators.ts";

// Interval arithmetic (Moore, 1966) over the types of expressions: what bounds operands bounds the result. The bounds
// of f32 are values of f32, and rounding is monotone, so that nothing has to be rounded outwards. An f32 that may be
// infinite or NaN has infinite bounds. Truth values are 0 and 1.

/** Where a rule leaves its bounds: pairs would be made a million times. */
export const result: Float64Array = new Float64Array(2);

/** Bounds of the operands: three pairs at most. */
export type Rule = (a0: number, a1: number, b0: number, b1: number, c0: number, c1: number) => void;

function give(low: number, high: number): void {
  result[0] = low;
  result[1] = high;
}

/** All that a type holds. */
const ALL: Readonly<Record<ValueType, readonly [number, number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  f32: [-Infinity, Infinity],
  bool: [0, 1],
};

/** Bounds as computed without overflow: where it can come to that, an integer may be anything. */
function held(type: ValueType, low: number, high: number): void {
  const [least, most] = ALL[type];
  if (type === "f32") give(Math.fround(low), Math.fround(high));
  else if (low >= least && high <= most) give(low, high);
  else give(least, most);
}

/** Least and greatest at the corners: of what is monotone in either operand. */
function corners(type: ValueType, at: (a: number, b: number) => number): Rule {
  return (a0, a1, b0, b1) => {
    const [w, x, y, z] = [at(a0, b0), at(a0, b1), at(a1, b0), at(a1, b1)];
    held(type, Math.min(w, x, y, z), Math.max(w, x, y, z));
  };
}

/** Functions that drivers compute to a few units in the last place. */
const SLACK = 2 ** -16;
const widened = (low: number, high: number): void =>
  give(low - Math.abs(low) * SLACK - 1e-30, high + Math.abs(high) * SLACK + 1e-30);

/** One bit above all bits of a number. */
const bitsAbove = (x: number): number => 2 ** (32 - Math.clz32(x));
const unknown = (type: ValueType): void => give(...ALL[type]);

/** Comparisons of f32 with infinite bounds say nothing: there may be NaN. */
const open = (type: ValueType, ...bounds: readonly number[]): boolean =>
  type === "f32" && !bounds.every(Number.isFinite);

function comparison(
  type: ValueType,
  yes: (a0: number, a1: number, b0: number, b1: number) => boolean,
  no: (a0: number, a1: number, b0: number, b1: number) => boolean,
): Rule {
  return (a0, a1, b0, b1) => {
    if (open(type, a0, a1, b0, b1)) give(0, 1);
    else give(+yes(a0, a1, b0, b1), +!no(a0, a1, b0, b1));
  };
}

const always = {
  lt: (_: number, a1: number, b0: number) => a1 < b0,
  le: (_: number, a1: number, b0: number) => a1 <= b0,
};
const never = {
  lt: (a0: number, _: number, __: number, b1: number) => a0 >= b1,
  le: (a0: number, _: number, __: number, b1: number) => a0 > b1,
};
const same = (a0: number, a1: number, b0: number, b1: number): boolean => a0 === a1 && b0 === b1 && a0 === b0;
const apart = (a0: number, a1: number, b0: number, b1: number): boolean => a1 < b0 || b1 < a0;

/** The rule of an operator for operands of a type. */
export function ruleOf(op: OperatorName, type: ValueType): Rule {
  const rule = bare(op, type);
  if (type !== "f32" || ["lt", "le", "gt", "ge", "eq", "ne", "select"].includes(op)) return rule;
  const [low, high] = op === "toI32" ? CAST_RANGE.i32 : op === "toU32" ? CAST_RANGE.u32 : ALL.f32;
  return (a0, a1, b0, b1, c0, c1) => {
    if (!(Number.isFinite(a0) && Number.isFinite(a1) && Number.isFinite(b0) && Number.isFinite(b1)))
      return give(low, high);
    rule(a0, a1, b0, b1, c0, c1);
    if (Number.isNaN(result[0]) || Number.isNaN(result[1])) give(low, high);
  };
}

function bare(op: OperatorName, type: ValueType): Rule {
  const float = type === "f32";
  switch (op) {
    case "add":
      return (a0, a1, b0, b1) => held(type, a0 + b0, a1 + b1);
    case "sub":
      return (a0, a1, b0, b1) => held(type, a0 - b1, a1 - b0);
    case "mul":
      return corners(type, (a, b) => a * b);
    case "div":
      return quotient(type);
    case "mod":
      return float ? () => unknown(type) : remainder(type);
    case "min":
      return (a0, a1, b0, b1) => give(Math.min(a0, b0), Math.min(a1, b1));
    case "max":
      return (a0, a1, b0, b1) => give(Math.max(a0, b0), Math.max(a1, b1));
    case "abs":
      return (a0, a1) => held(type, a0 > 0 ? a0 : a1 < 0 ? -a1 : 0, Math.max(-a0, a1));
    case "neg":
      return (a0, a1) => held(type, -a1, -a0);
    case "lt":
      return comparison(type, always.lt, never.lt);
    case "le":
      return comparison(type, always.le, never.le);
    case "gt":
      return comparison(
        type,
        (a0, _, b0, b1) => always.lt(b0, b1, a0),
        (a0, a1, b0, b1) => never.lt(b0, b1, a0, a1),
      );
    case "ge":
      return comparison(
        type,
        (a0, _, b0, b1) => always.le(b0, b1, a0),
        (a0, a1, b0, b1) => never.le(b0, b1, a0, a1),
      );
    case "eq":
      return comparison(type, same, apart);
    case "ne":
      return comparison(type, apart, same);
    case "and":
      return (a0, a1, b0, b1) => give(a0 & b0, a1 & b1);
    case "or":
      return (a0, a1, b0, b1) => give(a0 | b0, a1 | b1);
    case "xor":
      return (a0, a1, b0, b1) => (a0 === a1 && b0 === b1 ? give(a0 ^ b0, a0 ^ b0) : give(0, 1));
    case "not":
      return (a0, a1) => give(1 - a1, 1 - a0);
    case "select":
      return (a0, a1, b0, b1, c0, c1) =>
        a0 === 1 ? give(b0, b1) : a1 === 0 ? give(c0, c1) : give(Math.min(b0, c0), Math.max(b1, c1));
    case "bitAnd":
    case "bitOr":
    case "bitXor":
      return bits(op, type);
    case "shiftLeft":
      return (a0, a1, b0, b1) => (b0 === b1 ? held(type, a0 * 2 ** (b0 & 31), a1 * 2 ** (b0 & 31)) : unknown(type));
    case "shiftRight":
      return (a0, a1, b0, b1) => {
        if (b0 === b1) give(Math.floor(a0 / 2 ** (b0 & 31)), Math.floor(a1 / 2 ** (b0 & 31)));
        else give(Math.min(a0, 0), a1 < 0 ? -1 : a1);
      };
    case "floor":
      return (a0, a1) => give(Math.floor(a0), Math.floor(a1));
    case "exp":
      return (a0, a1) => widened(Math.fround(Math.exp(a0)), Math.fround(Math.exp(a1)));
    case "log":
      return (a0, a1) => (a0 > 0 ? widened(Math.fround(Math.log(a0)), Math.fround(Math.log(a1))) : unknown(type));
    case "sqrt":
      return (a0, a1) => (a0 >= 0 ? widened(Math.sqrt(a0), Math.sqrt(a1)) : unknown(type));
    case "tanh":
      return (a0, a1) => give(Math.tanh(a0) - SLACK, Math.tanh(a1) + SLACK);
    case "pow": {
      const rule = corners(type, (a, b) => a ** b);
      return (a0, a1, b0, b1, c0, c1) => {
        if (a0 <= 0) return unknown(type);
        rule(a0, a1, b0, b1, c0, c1);
        widened(result[0] as number, result[1] as number);
      };
    }
    case "toI32":
    case "toU32":
      return cast(op === "toI32" ? "i32" : "u32", type);
    case "toF32":
      return (a0, a1) => give(Math.fround(a0), Math.fround(a1));
  }
  function cast(target: "i32" | "u32", from: ValueType): Rule {
    const one = scalarOf(op, from);
    // Modulo 2^32 it may go over the edge in between; what keeps its distance does not.
    return (a0, a1) => {
      const [low, high] = [one(a0, 0, 0), one(a1, 0, 0)];
      if (from === "f32" || high - low === a1 - a0) give(low, high);
      else give(...ALL[target]);
    };
  }
}

function quotient(type: ValueType): Rule {
  const float = type === "f32";
  const rule = corners(type, float ? (a, b) => a / b : (a, b) => Math.floor(a / b));
  return (a0, a1, b0, b1, c0, c1) => {
    if (b0 > 0 || b1 < 0) return rule(a0, a1, b0, b1, c0, c1);
    const most = Math.max(Math.abs(a0), Math.abs(a1)); // of integers no quotient is farther from 0
    if (float) unknown(type);
    else held(type, type === "u32" ? 0 : -most, most);
  };
}

function remainder(type: ValueType): Rule {
  return (a0, a1, b0, b1) => {
    const turns = Math.floor(a0 / b0);
    if (b0 === b1 && b0 !== 0 && turns === Math.floor(a1 / b0)) return give(a0 - b0 * turns, a1 - b0 * turns);
    if (a0 >= 0 && a1 < b0) return give(a0, a1);
    held(type, b0 < 0 ? b0 + 1 : 0, b1 > 0 ? b1 - 1 : 0);
  };
}

function bits(op: "bitAnd" | "bitOr" | "bitXor", type: ValueType): Rule {
  const scalar = scalarOf(op, type);
  return (a0, a1, b0, b1) => {
    if (a0 === a1 && b0 === b1) {
      const only = scalar(a0, b0, 0);
      return give(only, only);
    }
    if (a0 < 0 || b0 < 0) {
      // Of a number that is not negative nothing is left above it.
      if (op === "bitAnd" && (a0 >= 0 || b0 >= 0)) return give(0, a0 >= 0 ? a1 : b1);
      return unknown(type);
    }
    const above = bitsAbove(Math.max(a1, b1));
    if (op === "bitXor") return give(0, above - 1);
    if (op === "bitOr") return give(Math.max(a0, b0), above - 1);
    // A mask of the lowest bits is a remainder.
    const [low, high] = b0 === b1 ? [a0, a1] : [b0, b1];
    const mask = b0 === b1 ? b0 : a0 === a1 ? a0 : -1;
    const size = mask + 1;
    if (size > 0 && bitsAbove(mask) === size && Math.floor(low / size) === Math.floor(high / size))
      return give(low % size, high % size);
    give(0, Math.min(a1, b1));
  };
}

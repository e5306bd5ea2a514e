import type { Captured } from "./capture.ts";

/** Types of numbers in expressions, those of WGSL. */
export type NumberType = "i32" | "u32" | "f32";

/** Types of values in expressions. */
export type ValueType = NumberType | "bool";

/** What every expression node holds: data, frozen. Masks and scores are trees of these; equal trees have equal keys. */
export interface Node<T extends ValueType = ValueType> {
  /** The name of an operator, or `constant`, `variable`, `load`. */
  readonly op: string;
  readonly type: T;
  readonly args: readonly Node[];
  /** Of a constant: its value; truth values are 0 and 1. */
  readonly value?: number | undefined;
  /** Of a variable: its name. */
  readonly name?: string | undefined;
  /** Of an element that is read: the tensor; `args` are its index. */
  readonly capture?: Captured | undefined;
  /** Longest path down, in nodes. */
  readonly depth: number;
}

/** A node of numbers, or a plain number, which takes the type of the other operand. */
export type NumberOperand<T extends NumberType> = NumberNode<T> | number;
/** A node of truth values, or `true` or `false`. */
export type BoolOperand = BoolNode | boolean;

/** A number for each (batch row, head, query, key). Both operands have one type; casts are written out. */
export interface NumberNode<T extends NumberType = NumberType> extends Node<T> {
  add(other: NumberOperand<T>): NumberNode<T>;
  sub(other: NumberOperand<T>): NumberNode<T>;
  mul(other: NumberOperand<T>): NumberNode<T>;
  /** Integers: rounded down (floor), as `//` of Python; by 0 gives 0. */
  div(other: NumberOperand<T>): NumberNode<T>;
  /** Remainder of the rounded-down quotient, with the sign of the divisor, as `%` of Python; of integers by 0: 0. */
  mod(other: NumberOperand<T>): NumberNode<T>;
  min(other: NumberOperand<T>): NumberNode<T>;
  max(other: NumberOperand<T>): NumberNode<T>;
  abs(): NumberNode<T>;
  neg(): NumberNode<T>;
  lt(other: NumberOperand<T>): BoolNode;
  le(other: NumberOperand<T>): BoolNode;
  gt(other: NumberOperand<T>): BoolNode;
  ge(other: NumberOperand<T>): BoolNode;
  eq(other: NumberOperand<T>): BoolNode;
  ne(other: NumberOperand<T>): BoolNode;
  /** Of integers, as are all bits. */
  bitAnd(other: NumberOperand<T>): NumberNode<T>;
  bitOr(other: NumberOperand<T>): NumberNode<T>;
  bitXor(other: NumberOperand<T>): NumberNode<T>;
  /** By 0 to 31 places: of the count its lowest five bits. */
  shiftLeft(count: NumberOperand<T>): NumberNode<T>;
  /** Of i32 with its sign. */
  shiftRight(count: NumberOperand<T>): NumberNode<T>;
  /** Of f32, as are `exp` to `pow`. */
  floor(): NumberNode<T>;
  exp(): NumberNode<T>;
  log(): NumberNode<T>;
  sqrt(): NumberNode<T>;
  tanh(): NumberNode<T>;
  pow(other: NumberOperand<T>): NumberNode<T>;
  /** Integers: modulo 2^32; f32: towards 0, to the nearest value that there is. */
  toI32(): NumberNode<"i32">;
  toU32(): NumberNode<"u32">;
  toF32(): NumberNode<"f32">;
}

/** A truth value for each (batch row, head, query, key). */
export interface BoolNode extends Node<"bool"> {
  and(other: BoolOperand): BoolNode;
  or(other: BoolOperand): BoolNode;
  xor(other: BoolOperand): BoolNode;
  not(): BoolNode;
  /** `yes` where it is true, `no` elsewhere; two plain numbers are f32. */
  select<T extends NumberType>(yes: NumberNode<T>, no: NumberOperand<T>): NumberNode<T>;
  select<T extends NumberType>(yes: number, no: NumberNode<T>): NumberNode<T>;
  select(yes: number, no: number): NumberNode<"f32">;
  toI32(): NumberNode<"i32">;
  toU32(): NumberNode<"u32">;
  toF32(): NumberNode<"f32">;
}

import { type Bytecode, OPCODES, operandsOf } from "./bytecode.ts";
import type { Point } from "./closure.ts";
import type { ValueType } from "./node.ts";
import { type OperatorName, type Scalar, scalarOf } from "./operators.ts";
import { VARIABLES } from "./variables.ts";

/** What bytecode reads beside the point: words of captured tensors, and the parameters of their layout. */
export interface BytecodeData {
  readonly words: Uint32Array;
  readonly parameters: Int32Array;
}

/**
 * The definition of the bytecode: one value at a time, words in, a word out. An interpreter for panels does the same.
 */
export function interpret({ code, constants }: Bytecode, point: Point, { words, parameters }: BytecodeData): number {
  const stack: number[] = [];
  const slots: number[] = [];
  const pop = (): number => stack.pop() as number;
  let at = 0;
  const next = (): number => code[at++] as number;
  while (at < code.length) {
    const name = OPCODES[next()] as string;
    if (name === "constant") stack.push(constants[next()] as number);
    else if (name === "variable") {
      const variable = VARIABLES[next()] as (typeof VARIABLES)[number];
      stack.push(wordOf(point[variable] ?? 0, variable === "score" ? "f32" : "i32"));
    } else if (name === "load") {
      const first = next();
      const index = stack.splice(-next());
      const offset = index.reduce((sum, i, axis) => {
        const stride = axis === index.length - 1 ? 1 : (parameters[first + 1 + axis] as number);
        return sum + i * stride;
      }, parameters[first] as number);
      stack.push((words[offset] as number) | 0);
    } else if (name === "keep") slots[next()] = stack.at(-1) as number;
    else if (name === "recall") stack.push(slots[next()] as number);
    else stack.push(operated(name, pop));
  }
  return pop();
}

function operated(name: string, pop: () => number): number {
  const [op, of] = name.split(".") as [OperatorName, ValueType];
  const operands = Array.from({ length: operandsOf(op) }, pop).reverse();
  const types = operands.map((_, i) => (op === "select" && i === 0 ? "bool" : of));
  const [a = 0, b = 0, c = 0] = operands.map((word, i) => numberOf(word, types[i] as ValueType));
  const scalar: Scalar = scalarOf(op, of);
  return wordOf(scalar(a, b, c), resultOf(op, of));
}

const COMPARISONS = new Set(["lt", "le", "gt", "ge", "eq", "ne"]);
const CASTS: Readonly<Record<string, ValueType>> = { toI32: "i32", toU32: "u32", toF32: "f32" };
const resultOf = (op: string, of: ValueType): ValueType => CASTS[op] ?? (COMPARISONS.has(op) ? "bool" : of);

const bits = new DataView(new ArrayBuffer(4));

function wordOf(value: number, type: ValueType): number {
  if (type !== "f32") return value | 0;
  bits.setFloat32(0, value);
  return bits.getInt32(0);
}

function numberOf(word: number, type: ValueType): number {
  if (type === "u32") return word >>> 0;
  if (type !== "f32") return word;
  bits.setInt32(0, word);
  return bits.getFloat32(0);
}

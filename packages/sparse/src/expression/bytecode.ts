import { layoutOf } from "./captures.ts";
import { OPERATORS, type Operator, type OperatorName } from "./operators.ts";
import type { Program } from "./program.ts";
import { VARIABLES } from "./variables.ts";

/** Instructions with operands of their own, in front of those of operators. */
const FIRST = ["constant", "variable", "load", "keep", "recall"] as const;

/**
 * Every opcode; its number is its place. An operator has one for each type of its operands: `add.f32`.
 * - `constant i` pushes word i of the constants; `variable i` pushes number i of {@link VARIABLES}.
 * - `load p n` pops an index of n axes, the last one from the top, and pushes a word of the captured tensors:
 *   parameter p is its offset, those behind it are the strides of all axes but the last, which is 1.
 * - `keep i` puts the top into slot i, and leaves it there; `recall i` pushes slot i.
 * - operators pop their operands, the last one from the top, and push the result.
 */
export const OPCODES: readonly string[] = [
  ...FIRST,
  ...Object.entries(OPERATORS).flatMap(([name, { operands }]) => operands.map((type) => `${name}.${type}`)),
];

/** A program for an interpreter: postfix, every value a 32-bit word. */
export interface Bytecode {
  readonly code: Int32Array;
  /** Bits of the constants. */
  readonly constants: Int32Array;
  /** Values on the stack at most, and slots that are kept. */
  readonly depth: number;
  readonly slots: number;
}

/** Bits of a value of a type. */
function bitsOf(value: number, type: string): number {
  return type === "f32" ? (new Int32Array(Float32Array.of(value).buffer)[0] as number) : value | 0;
}

const opcode = (name: string): number => OPCODES.indexOf(name);
export const operandsOf = (name: OperatorName): number => (OPERATORS[name] as Operator).arity;

/** The bytecode of a program. What is needed more than once, and is no leaf, is kept in a slot. */
export function bytecodeOf({ steps, captures }: Program): Bytecode {
  const { parameterAt } = layoutOf(captures);
  const uses = new Uint32Array(steps.length);
  for (const { args } of steps) for (const arg of args) (uses[arg] as number) += 1;
  const code: number[] = [];
  const constants: number[] = [];
  const slots = new Map<number, number>();
  let height = 0;
  let depth = 0;
  const emit = (pushes: number, ...words: number[]): void => {
    code.push(...words);
    height += pushes;
    depth = Math.max(depth, height);
  };
  const visit = (i: number): void => {
    const { op, of, type, args, value, name, capture } = steps[i] as (typeof steps)[number];
    const slot = slots.get(i);
    if (slot !== undefined) return emit(1, opcode("recall"), slot);
    if (op === "constant") {
      const bits = bitsOf(value, type);
      const known = constants.indexOf(bits);
      if (known < 0) constants.push(bits);
      return emit(1, opcode(op), known < 0 ? constants.length - 1 : known);
    }
    if (op === "variable") return emit(1, opcode(op), (VARIABLES as readonly string[]).indexOf(name));
    for (const arg of args) visit(arg);
    if (op === "load") emit(1 - args.length, opcode(op), parameterAt[capture] as number, args.length);
    else emit(1 - args.length, opcode(`${op}.${of}`));
    if ((uses[i] as number) > 1) {
      emit(0, opcode("keep"), slots.size);
      slots.set(i, slots.size);
    }
  };
  visit(steps.length - 1);
  return { code: Int32Array.from(code), constants: Int32Array.from(constants), depth, slots: slots.size };
}

import { DilatedError, FormatError } from "@dilated/core";
import { makeConstant, makeNode, operate } from "./build.ts";
import type { Captured } from "./capture.ts";
import type { Node, ValueType } from "./node.ts";
import { OPERATORS, type OperatorName } from "./operators.ts";
import type { Program } from "./program.ts";
import { maskArguments } from "./variables.ts";

/** A program as plain JSON: a step is its operator and the numbers of its operands, or a leaf. */
export type ProgramJson = readonly StepJson[];
type StepJson =
  | readonly ["constant", ValueType, number]
  | readonly ["variable", string]
  | readonly ["load", number, ...number[]]
  | readonly [string, ...number[]];

export function programToJson({ steps }: Program): ProgramJson {
  return steps.map(({ op, type, args, value, name, capture }): StepJson => {
    if (op === "constant") return [op, type, value];
    if (op === "variable") return [op, name];
    return op === "load" ? [op, capture, ...args] : [op, ...args];
  });
}

/**
 * The tree of a program that was stored.
 *
 * @throws FormatError for what is no program.
 */
export function programFromJson(caller: string, json: unknown, captures: readonly Captured[]): Node {
  const wrong = (detail: string, cause?: unknown): FormatError =>
    new FormatError(`${caller}: its condition is damaged`, {
      details: [detail],
      fix: "save the mask again",
      ...(cause !== undefined && { cause }),
    });
  if (!Array.isArray(json) || json.length === 0) throw wrong("no list of steps");
  const variables: object = maskArguments();
  const nodes: Node[] = [];
  for (const [i, step] of (json as unknown[]).entries()) {
    if (!Array.isArray(step)) throw wrong(`step ${i}: no list`);
    const [op, ...rest] = step as [unknown, ...unknown[]];
    const operand = (number: unknown): Node => {
      const node = nodes[number as number];
      if (!node) throw wrong(`step ${i}: there is no step ${String(number)} before it`);
      return node;
    };
    try {
      nodes.push(made(op, rest, operand, variables, captures));
    } catch (error) {
      if (error instanceof FormatError || !DilatedError.is(error)) throw error;
      throw wrong(`step ${i}: ${error.message.split("\n")[0]}`, error);
    }
  }
  return nodes.at(-1) as Node;

  function made(
    op: unknown,
    rest: readonly unknown[],
    operand: (number: unknown) => Node,
    all: object,
    tensors: readonly Captured[],
  ): Node {
    if (op === "constant" && ["i32", "u32", "f32", "bool"].includes(rest[0] as string)) {
      const type = rest[0] as ValueType;
      return makeConstant(caller, type === "bool" ? rest[1] === 1 : rest[1], type);
    }
    const name = rest[0];
    if (op === "variable" && typeof name === "string" && Object.hasOwn(all, name))
      return makeNode({ op: "variable", type: "i32", name });
    const capture = op === "load" ? tensors[name as number] : undefined;
    if (capture) return capture.at(...(rest.slice(1).map(operand) as never[])) as Node;
    if (typeof op !== "string" || !Object.hasOwn(OPERATORS, op)) throw wrong(`unknown: ${String(op)}`);
    return operate(op as OperatorName, rest.map(operand));
  }
}

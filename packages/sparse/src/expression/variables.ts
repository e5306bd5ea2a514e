import { makeNode } from "./build.ts";
import type { NumberNode } from "./node.ts";

/** Names of variables, in the order in which backends number them. */
export const VARIABLES = ["b", "h", "q", "k", "qLength", "kLength", "score"] as const;
export type VariableName = (typeof VARIABLES)[number];

/** What a mask function is given: nodes, for every batch row, head, query and key at once. */
export interface MaskArguments {
  /** Batch row, query head. */
  readonly b: NumberNode<"i32">;
  readonly h: NumberNode<"i32">;
  /** Number of the query and of the key. */
  readonly q: NumberNode<"i32">;
  readonly k: NumberNode<"i32">;
  /** Queries and keys that there are, N and M: another length compiles nothing anew. */
  readonly qLength: NumberNode<"i32">;
  readonly kLength: NumberNode<"i32">;
}

/** What a score function is given: the scaled product of query and key beside it all. */
export interface ScoreArguments extends MaskArguments {
  readonly score: NumberNode<"f32">;
}

/** The nodes that stand for the variables. */
export function scoreArguments(): ScoreArguments {
  const nodes = VARIABLES.map((name) => {
    const type = name === "score" ? "f32" : "i32";
    return [name, makeNode({ op: "variable", type, name })] as const;
  });
  return Object.fromEntries(nodes) as unknown as ScoreArguments;
}

/** Those without the score. */
export function maskArguments(): MaskArguments {
  const { score: _, ...others } = scoreArguments();
  return others;
}

import fc from "fast-check";
import { constant, isNode, operate } from "../build.ts";
import { type Captured, capture } from "../capture.ts";
import type { Point } from "../closure.ts";
import type { Node, ValueType } from "../node.ts";
import { OPERATORS, type Operator, type OperatorName } from "../operators.ts";
import { scoreArguments } from "../variables.ts";

/** Queries, keys, heads, batch rows of random expressions. */
export const SIZES = { N: 37, M: 50, H: 3, B: 2 } as const;

type Draw = (count: number) => number;
type Names = readonly [OperatorName, ValueType][];

const OPERATIONS: Names = Object.entries(OPERATORS).flatMap(([name, { operands }]) =>
  operands.map((type): [OperatorName, ValueType] => [name as OperatorName, type]),
);
const resultOf = (name: OperatorName, type: ValueType): ValueType => (OPERATORS[name] as Operator).result ?? type;
/** Functions whose values drivers round in ways of their own. */
const ROUGH = new Set<OperatorName>(["exp", "log", "sqrt", "tanh", "pow", "mod", "div"]);

function leaf(type: ValueType, draw: Draw, captures: readonly Captured[]): Node {
  const places = scoreArguments();
  const names = ["b", "h", "q", "k", "qLength", "kLength"] as const;
  if (type === "bool") return draw(2) ? constant(draw(2) === 1) : places.q.gt(places.k);
  const other = captures.find((each) => each.type === type) as Captured;
  if (draw(3) === 0) return other.at(draw(2) ? places.q : places.k.mod(places.qLength.min(37)));
  if (type === "i32" && draw(3)) return places[names[draw(6)] as (typeof names)[number]];
  if (type === "f32" && draw(3)) return places.score;
  return constant(draw(type === "i32" ? 9 : 5) - (type === "u32" ? 0 : 3), type);
}

function tree(type: ValueType, depth: number, draw: Draw, captures: readonly Captured[], exact: boolean): Node {
  if (depth === 0 || draw(8) === 0) return leaf(type, draw, captures);
  const fitting = OPERATIONS.filter(
    ([name, of]) => resultOf(name, of) === type && !(exact && of === "f32" && ROUGH.has(name)),
  );
  const [name, of] = fitting[draw(fitting.length)] as Names[number];
  const arity = (OPERATORS[name] as Operator).arity;
  const types = Array.from({ length: arity }, (_, i) => (name === "select" && i === 0 ? "bool" : of));
  const args = types.map((each) => tree(each, depth - 1, draw, captures, exact));
  try {
    return operate(name, args);
  } catch {
    return leaf(type, draw, captures); // constants without a value: a quotient by 0
  }
}

/**
 * Random trees of a type over all operators; `exact`: without those that are rounded differently from place to place.
 */
export function randomTree(type: ValueType, exact = false): fc.Arbitrary<Node> {
  return fc.array(fc.nat(2 ** 20), { minLength: 150, maxLength: 150 }).map((numbers) => {
    let next = 0;
    const draw: Draw = (count) => (numbers[next++ % numbers.length] as number) % count;
    const list = Array.from({ length: SIZES.N }, () => draw(40));
    const captures = [
      capture(Int32Array.from(list, (x) => x - 20)),
      capture(Uint32Array.from(list)),
      capture(list.map((x) => x / 8 - 2)),
    ];
    const node = tree(type, 1 + draw(5), draw, captures, exact);
    if (!isNode(node) || node.type !== type) throw new Error(`a tree of ${node.type} in place of ${type}`);
    return node;
  });
}

/** A point of random expressions. */
export const randomPoint: fc.Arbitrary<Required<Point>> = fc.record({
  b: fc.nat(SIZES.B - 1),
  h: fc.nat(SIZES.H - 1),
  q: fc.nat(SIZES.N - 1),
  k: fc.nat(SIZES.M - 1),
  score: fc.float({ noNaN: true, min: -30, max: 30 }),
  qLength: fc.constant(SIZES.N),
  kLength: fc.constant(SIZES.M),
}) as fc.Arbitrary<Required<Point>>;

import fc from "fast-check";
import { expect, it } from "vitest";
import { bytecodeOf, OPCODES } from "./bytecode.ts";
import { layoutOf, writeCaptures } from "./captures.ts";
import { closureOf } from "./closure.ts";
import { interpret } from "./interpret.ts";
import type { Node } from "./node.ts";
import { programOf } from "./program.ts";
import { randomPoint, randomTree } from "./test-utils/random.ts";

const anyTree: fc.Arbitrary<Node> = fc
  .constantFrom("bool", "i32", "u32", "f32")
  .chain((type) => randomTree(type as "bool"));

const bitsOf = (value: number, type: string): number =>
  type === "f32" ? (new Int32Array(Float32Array.of(value).buffer)[0] as number) : value | 0;

it("the interpreter of the bytecode computes what the closure does, to the bit", () => {
  fc.assert(
    fc.property(anyTree, fc.array(randomPoint, { minLength: 4, maxLength: 4 }), (root, points) => {
      const program = programOf(root);
      const layout = layoutOf(program.captures, 3);
      const words = new Uint32Array(layout.length);
      writeCaptures(program.captures, layout, words);
      const bytecode = bytecodeOf(program);
      const closure = closureOf(root);
      for (const point of points)
        expect(interpret(bytecode, point, { words, parameters: layout.parameters })).toBe(
          bitsOf(closure(point), root.type),
        );
    }),
    { numRuns: 400 },
  );
});

it("numbers opcodes in an order that is kept", () => {
  expect(OPCODES.map((name, i) => `${i} ${name}`).join("\n")).toMatchSnapshot();
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { closureOf } from "../expression/closure.ts";
import type { Node } from "../expression/node.ts";
import { programOf } from "../expression/program.ts";
import { randomTree, SIZES } from "../expression/test-utils/random.ts";
import { machineOf } from "./machine.ts";

const anyTree: fc.Arbitrary<Node> = fc
  .constantFrom("bool", "i32", "u32", "f32")
  .chain((type) => randomTree(type as "bool"));
const range = (size: number, most: number) =>
  fc.tuple(fc.nat(size - 1), fc.nat(most)).map(([low, more]) => [low, Math.min(size - 1, low + more)] as const);

it("bounds hold every value of their box", () => {
  let told = 0;
  fc.assert(
    fc.property(
      anyTree,
      fc.array(fc.tuple(range(SIZES.N, 5), range(SIZES.M, 5)), { minLength: 5, maxLength: 5 }),
      fc.tuple(fc.nat(SIZES.B - 1), fc.nat(SIZES.H - 1)),
      (root, boxes, [b, h]) => {
        const lengths = { qLength: SIZES.N, kLength: SIZES.M };
        const machine = machineOf(programOf(root), { b: [b, b], h: [h, h], ...lengths });
        const closure = closureOf(root);
        for (const [i, [q, k]] of boxes.entries()) {
          [machine.q.low[i], machine.q.high[i]] = q;
          [machine.k.low[i], machine.k.high[i]] = k;
        }
        machine.run(boxes.length);
        for (const [i, [q, k]] of boxes.entries()) {
          const [low, high] = [machine.value.low[i] as number, machine.value.high[i] as number];
          if (root.type === "bool" && low === high) told++;
          for (let row = q[0]; row <= q[1]; row++) {
            for (let column = k[0]; column <= k[1]; column++) {
              const value = closure({ b, h, q: row, k: column, ...lengths, score: 2.5 });
              if (Number.isNaN(value)) expect([low, high]).toEqual([-Infinity, Infinity]);
              else expect(value >= low && value <= high, `${value} in ${low} to ${high}`).toBe(true);
            }
          }
        }
      },
    ),
    { numRuns: 400 },
  );
  expect(told).toBeGreaterThan(50);
});

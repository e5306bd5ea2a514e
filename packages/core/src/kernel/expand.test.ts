import { describe, expect, it } from "vitest";
import { expandWgsl } from "./expand.ts";
import { evaluate } from "./expression.ts";

describe("expandWgsl", () => {
  it("leaves text without directives alone", () => {
    const source = "fn f() -> u32 { return 1u; } // a # in a comment";
    expect(expandWgsl("k", source, {})).toBe(source);
  });

  it("unrolls nested loops and puts in values", () => {
    const source = "#let T = D / 16\n#for t in 0..2\n#for k in 0..T\nlet q$(t)_$(k) = $(max(t, k) * 16)u;\n#end\n#end";
    expect(expandWgsl("k", source, { D: 32 }).split("\n")).toEqual([
      "let q0_0 = 0u;",
      "let q0_1 = 16u;",
      "let q1_0 = 16u;",
      "let q1_1 = 16u;",
    ]);
  });

  it("chooses, also where nothing is chosen and in loops that do not run", () => {
    const source = "#if A && N > 3\nyes\n#else\nno\n#end\n#for i in 0..0\n#if A\n$(unknown)\n#end\n#end\nend";
    expect(expandWgsl("k", source, { A: true, N: 4 })).toBe("yes\nend");
    expect(expandWgsl("k", source, { A: true, N: 3 })).toBe("no\nend");
  });

  it.each([
    ["#for i in 0..2\nx", /#for without #end.*line 1/s],
    ["#if 1\nx\n#else\ny", /#if without #end/],
    ["x\n#end", /#end or #else without a block.*line 2/s],
    ["#loop\n#end", /unknown directive #loop/],
    ["x\n$(NOPE)", /unknown name "NOPE".*line 2/s],
    ["#for i 0..2\n#end", /#for NAME in EXPR/],
  ])("says what is wrong with %j", (source, message) => {
    expect(() => expandWgsl("k", source, {})).toThrow(message);
  });
});

describe("evaluate", () => {
  it.each([
    ["1 + 2 * 3", 7],
    ["(1 + 2) * 3 % 5", 4],
    ["7 / 2 - -1", 4],
    ["!A || B == 3", 1],
    ["min(B, 2) + max(B, 9)", 11],
    ["B >= 3 && B != 4", 1],
  ])("%s = %d", (text, value) => {
    expect(evaluate(text, { A: true, B: 3 })).toBe(value);
  });

  it.each(["1 +", "(1", "1 2", "min(1)", ""])("refuses %j", (text) => {
    expect(() => evaluate(text, {})).toThrow();
  });
});

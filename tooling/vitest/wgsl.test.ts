import { expect, test } from "vitest";
import { stripWgsl } from "../config/wgsl.mjs";

test("keeps the code and drops what nobody reads", () => {
  const source = "// head\n\nfn f(x: u32) -> u32 { // why\n  /* a\n  b */ return x / 2u;\n}\n";
  expect(stripWgsl(source)).toBe("fn f(x: u32) -> u32 {\nreturn x / 2u;\n}\n");
});

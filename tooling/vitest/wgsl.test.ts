import { expect, test } from "vitest";
import { stripWgsl } from "../config/wgsl.mjs";

test("keeps spaces that separate, and directives", () => {
  const source = "#let A = B - 1\nlet x = a - -b;\nlet y = &z;\nif (c && !d) { return -1; } else { e++; }";
  expect(stripWgsl(source)).toBe("#let A = B - 1\nlet x=a- -b;\nlet y= &z;\nif(c&& !d){return-1; }else{e++; }\n");
});

test("keeps the code and drops what nobody reads", () => {
  const source = "// head\n\nfn f(x: u32) -> u32 { // why\n  /* a\n  b */ return x / 2u;\n}\n";
  expect(stripWgsl(source)).toBe("fn f(x:u32)->u32{\nreturn x/2u;\n}\n");
});

import { expect, it } from "vitest";
import { FormatError, ShaderError } from "./kinds.ts";

it("messages stay readable, whatever a file or a caller put into them", () => {
  const long = `begin ${"x".repeat(1e6)} end`;
  const error = new FormatError(`f: ${long}`, {
    details: [long, "bell \u0007, escape \u001b[2J", ...Array.from({ length: 1e5 }, (_, i) => `tensor ${i}`)],
    fix: long,
  });
  expect(error.message.length).toBeLessThan(5000);
  expect(error.message.split("\n")).toHaveLength(103);
  expect(error.message).toMatch(/^f: begin x+ … \d+ more … x+ end\n/);
  expect(error.message).toContain("bell \ufffd, escape \ufffd[2J");
  expect(error.details.at(-1)).toBe("and 99902 more");
});

it("the source of a shader stays whole", () => {
  const source = Array.from({ length: 300 }, (_, i) => `let x${i} = ${"1 + ".repeat(200)}1;`);
  expect(new ShaderError("s", { details: source }).details).toEqual(source);
});

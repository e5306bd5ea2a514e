import { expect, test } from "vitest";
import { formatSeconds, Progress } from "./progress.ts";

test("a file gets the first line and the last; a terminal rewrites one", () => {
  const lines: string[] = [];
  const file = new Progress("step", { write: (line: string) => lines.push(line) });
  for (let i = 1; i <= 1000; i++) file.report(i, 1000, "loss 2.0");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^ {2}step {2}1\/1,000 {2}loss 2.0 {2}\d.* left\n$/);
  expect(lines[1]).toMatch(/1,000\/1,000 {2}loss 2.0 {2}took 0 s\n$/);
  const terminal: string[] = [];
  new Progress("step", { isTTY: true, write: (line: string) => terminal.push(line) }).report(2, 2);
  expect(terminal).toEqual(["\r\x1b[K  step  2/2  took 0 s\n"]);
});

test("seconds and minutes", () => {
  expect([formatSeconds(3.4), formatSeconds(59.6), formatSeconds(125)]).toEqual(["3 s", "1 min 0 s", "2 min 5 s"]);
});

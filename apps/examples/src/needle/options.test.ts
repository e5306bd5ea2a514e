import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { parseOptions, USAGE } from "./options.ts";
import { planNeedle } from "./run.ts";

test("defaults leave the length to the device", () => {
  const options = parseOptions([]);
  if (options === "help") return expect.unreachable();
  expect(planNeedle(false, options)).toMatchObject({ length: 1024, heads: 8, slot: 8, steps: 500 });
  expect(planNeedle(true, options)).toMatchObject({ length: 8192, heads: 16 });
  expect(parseOptions(["--help"])).toBe("help");
  expect(USAGE).toContain("npm run example -- needle");
});

test("refuses lengths that are no power of two, and names what would do", () => {
  expect(() => parseOptions(["--length", "1000"])).toThrow(/--length 1000.*--length 1024/s);
  expect(() => parseOptions(["--length", "1000"])).toThrow(ConfigError);
  expect(() => parseOptions(["--values", "1", "--dim", "65"])).toThrow(/--dim 65.*--values 1/s);
});

test("a width that its heads do not divide is refused, with one that fits", () => {
  const options = parseOptions(["--length", "262144"]);
  if (options === "help") return expect.unreachable();
  expect(() => planNeedle(true, options)).toThrow(/--dim 64.*32 heads.*use --dim 128/s);
});

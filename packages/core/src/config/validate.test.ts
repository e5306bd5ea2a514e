import { describe, expect, expectTypeOf, it } from "vitest";
import { ConfigError } from "../errors/index.ts";
import * as field from "./fields.ts";
import { checkConfig } from "./validate.ts";

const schema = {
  heads: field.positiveInteger(),
  dropout: field.withDefault(field.fraction(), 0),
  norm: field.withDefault(field.oneOf(["pre", "post"]), "pre"),
  causal: field.optional(field.boolean()),
  branches: field.withDefault(
    field.list(field.object({ segment: field.positiveInteger(), dilation: field.positiveInteger() }), 1),
    [],
  ),
};

function problems(given: unknown): readonly string[] {
  try {
    checkConfig("f", schema, given);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).details;
  }
  throw new Error("was accepted");
}

describe("checkConfig", () => {
  it("fills in defaults and types the result", () => {
    const config = checkConfig("f", schema, { heads: 8, branches: [{ segment: 4, dilation: 1 }] });
    expect(config).toEqual({
      heads: 8,
      dropout: 0,
      norm: "pre",
      causal: undefined,
      branches: [{ segment: 4, dilation: 1 }],
    });
    expectTypeOf(config.norm).toEqualTypeOf<"pre" | "post">();
    expectTypeOf(config.causal).toEqualTypeOf<boolean | undefined>();
    expectTypeOf(config.branches[0]).toEqualTypeOf<
      { readonly segment: number; readonly dilation: number } | undefined
    >();
  });

  it("treats undefined as left out", () => {
    expect(checkConfig("f", schema, { heads: 1, dropout: undefined }).dropout).toBe(0);
  });

  it("names every bad field with its path, value and what is allowed", () => {
    const bad = {
      heads: 1.5,
      dropout: 1,
      norm: "middle",
      hedas: 3,
      branches: [{ segment: 4, dilation: 0 }, { segment: -1 }],
    };
    expect(problems(bad)).toEqual([
      "hedas: unknown; known: heads, dropout, norm, causal, branches",
      "heads: 1.5; allowed: a positive integer",
      "dropout: 1; allowed: a number from 0 to below 1",
      'norm: "middle"; allowed: "pre", "post"',
      "branches[0].dilation: 0; allowed: a positive integer",
      "branches[1].segment: -1; allowed: a positive integer",
      "branches[1].dilation: missing; allowed: a positive integer",
    ]);
  });

  it.each([[null], [3], ["text"], [[]]])("refuses %j in place of an object", (given) => {
    expect(problems(given)).toHaveLength(1);
  });

  it.each([NaN, Infinity, "1", -1, 2 ** 53, true, null])("refuses %s as a positive integer", (heads) => {
    expect(problems({ heads })).toHaveLength(1);
  });

  it("does not take inherited keys for fields", () => {
    expect(problems({ heads: 1, toString: 1 })[0]).toMatch(/^toString: unknown/);
    expect(problems(Object.create({ heads: 1 }))[0]).toMatch(/^heads: missing/);
  });
});

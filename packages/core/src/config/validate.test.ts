import { runInNewContext } from "node:vm";
import { describe, expect, expectTypeOf, it } from "vitest";
import { ConfigError } from "../errors/index.ts";
import { checkArgument } from "./call.ts";
import * as field from "./fields.ts";
import { nearestNames } from "./nearest.ts";
import { isPlain } from "./plain.ts";
import { checkConfig, checkOptions } from "./validate.ts";

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
      "hedas: unknown; nearest: heads; known: heads, dropout, norm, causal, branches",
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
    expect(problems(Object.create({ heads: 1 }))[0]).toMatch(/prototype of its own; allowed: an object/);
  });
});

describe("checkOptions", () => {
  it("takes what checkConfig takes, and says the same of the rest", () => {
    for (const good of [{ heads: 1 }, { heads: 2, norm: "post", causal: undefined }]) {
      expect(() => checkOptions("f", schema, good)).not.toThrow();
    }
    for (const bad of [
      {},
      { heads: 0 },
      { heads: 1, norm: 3 },
      { heads: 1, hedas: undefined },
      null,
      [],
      3,
      new Map(),
    ]) {
      expect(() => checkOptions("f", schema, bad)).toThrow(ConfigError);
      expect(() => checkConfig("f", schema, bad)).toThrow(ConfigError);
    }
  });

  it("names the function, the key, the nearest names and all known ones", () => {
    const call = () =>
      checkOptions("sgd", { lr: field.positive(), weightDecay: field.positive() }, { weight_decay: 1 });
    expect(call).toThrow(/weight_decay: unknown; nearest: weightDecay; known: lr, weightDecay/);
    expect(() => checkOptions("f", schema, { heads: 1, hedas: 3 })).toThrow(
      /^f: unknown option hedas\n .*\nFix: write heads in place of hedas$/,
    );
  });

  it("refuses objects whose keys do not tell what they hold", () => {
    class Options {
      get heads() {
        return 1;
      }
    }
    for (const given of [
      new Options(),
      new Map([["heads", 1]]),
      Object.create({ heads: 1 }),
      JSON.parse('{"__proto__": 1}'),
    ])
      expect(() => checkOptions("f", { heads: field.withDefault(field.positiveInteger(), 1) }, given)).toThrow(
        ConfigError,
      );
    expect(isPlain(runInNewContext("({ heads: 1 })"))).toBe(true);
    expect(isPlain(Object.create(null))).toBe(true);
  });
});

it("checkArgument names the argument and what it got", () => {
  expect(() => checkArgument("square", "x", field.tensor(), new Map())).toThrow(
    /square: x must be a Tensor\n {2}x: a Map/,
  );
  expect(() => checkArgument("f", "work", field.func(), () => 1)).not.toThrow();
});

it.each([
  ["weight_decay", ["weightDecay"]],
  ["betas", ["beta1", "beta2"]],
  ["learningRate", ["lr"]],
  ["learning_rate", ["lr"]],
  ["epsilon", ["eps"]],
  ["cuSeqLens", ["cuSeqlens"]],
  ["cu_seqlens", ["cuSeqlens"]],
  ["attentionMask", ["keyMask"]],
  ["mask", ["keyMask"]],
  ["dropuot", ["dropout"]],
  ["zzz", []],
])("the nearest names to %s are %j", (given, nearest) => {
  const known = ["lr", "beta1", "beta2", "eps", "weightDecay", "cuSeqlens", "keyMask", "dropout"];
  expect(nearestNames(given, known)).toEqual(nearest);
});

import { ConfigError } from "@dilated/core";
import { fc } from "@fast-check/vitest";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { ATTENTION_KINDS, type AttentionKind, resolveMultihead } from "../attention/config.ts";
import { resolveLongNetDecoder } from "../longnet/decoder.config.ts";
import { resolveLongNetEncoder } from "../longnet/encoder.config.ts";
import { resolveLongNet } from "../longnet/longnet.config.ts";
import { resolveLongNetLM } from "../longnet-lm/config.ts";
import { resolveLongNetViT } from "../longnet-vit/config.ts";
import { PRESETS } from "../presets.ts";
import type { ModelKind } from "../registry.ts";
import { configSchema } from "./config-schema.ts";

type Kind = ModelKind | AttentionKind;
const RESOLVE: Readonly<Record<ModelKind, (options: never) => object>> = {
  "longnet-lm": resolveLongNetLM,
  "longnet-decoder": resolveLongNetDecoder,
  "longnet-encoder": resolveLongNetEncoder,
  longnet: resolveLongNet,
  "longnet-vit": resolveLongNetViT,
};
const resolve = (kind: Kind, config: unknown): object =>
  kind in RESOLVE
    ? RESOLVE[kind as ModelKind](config as never)
    : resolveMultihead("createAttention", kind as AttentionKind, config as never);

const branches = [
  { segment: 8, dilation: 1 },
  { segment: 32, dilation: 2 },
];
const stack = { dim: 16, layers: 1, heads: 2, branches };
const SMALL: Readonly<Record<Kind, object>> = {
  "longnet-lm": { ...stack, vocab: 5, position: "rope", dropout: 0.1 },
  "longnet-decoder": stack,
  "longnet-encoder": { ...stack, output: "none", eps: 1e-6 },
  longnet: { encoder: stack, decoder: { ...stack, vocab: 5 }, sharedEmbedding: true },
  "longnet-vit": { ...stack, tileDim: 4, pool: "mean" },
  dilated: { dim: 16, heads: 2, branches, headOffset: "block" },
  partitioned: { dim: 16, heads: 2, branches },
  local: { dim: 16, heads: 2, segment: 8 },
  dense: { dim: 16, heads: 2, causal: true },
};
const KINDS = Object.keys(SMALL) as Kind[];

/** Strict: keywords that the validator does not know are errors. */
function validatorOf(kind: Kind) {
  return new Ajv2020({ strict: true, allErrors: true }).compile(configSchema(kind));
}

describe.each(KINDS)("%s", (kind) => {
  const valid = validatorOf(kind);

  it("small configurations, and what they resolve to, fit the schema", () => {
    expect(valid(SMALL[kind]), JSON.stringify(valid.errors)).toBe(true);
    expect(valid(resolve(kind, SMALL[kind])), JSON.stringify(valid.errors)).toBe(true);
  });

  it("defaults are those of the library", () => {
    const filled = structuredClone(SMALL[kind]);
    new Ajv2020({ useDefaults: true }).compile(configSchema(kind))(filled);
    expect(resolve(kind, filled)).toEqual(resolve(kind, SMALL[kind]));
  });

  it("schema and library refuse the same fields", () => {
    const paths = pathsOf(SMALL[kind]);
    const names = Object.keys(configSchema(kind).properties as object);
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom<unknown>(0, -1, 0.5, 1, 2 ** 53, 1e300, null, "xpos", true));
    const change = fc.record({
      path: fc.oneof(
        fc.constantFrom(...paths),
        fc.constantFrom(...names, "__proto__", "kvHead").map((name) => [name]),
      ),
      value,
      remove: fc.boolean(),
    });
    let refused = 0;
    void fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
        const config = changes.reduce(
          (last, { path, value, remove }) => changed(last, path, value, remove),
          SMALL[kind],
        );
        const fits = valid(config);
        const problem = problemOf(() => resolve(kind, config));
        if (!fits) refused++;
        if (!fits) expect(problem, JSON.stringify(config)).toBeDefined();
        // What only the fields together make wrong is beyond a schema of single fields.
        else if (problem) expect(problem, JSON.stringify(config)).toMatch(/fit together|coverage/);
      }),
      { numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(50);
  });
});

it.each(Object.entries(PRESETS).flatMap(([kind, named]) => Object.entries(named).map(([name, c]) => [kind, name, c])))(
  "preset %s %s fits its schema",
  (kind, _, config) => {
    const valid = validatorOf(kind as ModelKind);
    expect(valid(JSON.parse(JSON.stringify(config))), JSON.stringify(valid.errors)).toBe(true);
  },
);

it("knows every kind, and lists them", () => {
  expect(KINDS).toEqual([...Object.keys(PRESETS), ...ATTENTION_KINDS]);
  expect(() => configSchema("toString" as never)).toThrow(ConfigError);
  expect(() => configSchema("rnn" as never)).toThrow(/known: longnet-lm.*dilated/);
});

type Path = readonly string[];

/** Every place in a configuration. */
function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[...at, key], ...pathsOf(inner, [...at, key])]);
}

function changed(config: unknown, [key, ...rest]: Path, value: unknown, remove: boolean): object {
  const copy = Array.isArray(config) ? [...config] : Object.fromEntries(Object.entries(config ?? {}));
  const entries = copy as Record<string, unknown>;
  if (key === undefined) return copy;
  const next = rest.length > 0 ? changed(entries[key], rest, value, remove) : value;
  if (remove && rest.length === 0) delete entries[key];
  else Object.defineProperty(entries, key, { value: next, enumerable: true, configurable: true, writable: true });
  return JSON.parse(JSON.stringify(copy));
}

function problemOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
}

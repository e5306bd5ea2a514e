import { type AbortSignalLike, ConfigError, checkConfig, field, LimitError } from "@dilated/core";
import { MAX_DECODE_POSITION } from "@dilated/kernels/decode";
import { cachePlan } from "../decode/cache-plan.ts";
import type { LongNetDecoderConfig } from "../longnet/decoder.config.ts";
import { checkTokenRange } from "../longnet-lm/tokens.ts";
import type { SamplingOptions } from "./filter.ts";

/** How a text is continued. */
export interface GenerateOptions extends SamplingOptions {
  /** Most tokens to draw. */
  readonly count: number;
  /** @defaultValue 0 */
  readonly seed?: number | undefined;
  /** Generation ends behind any of these tokens; it is part of the result. @defaultValue none */
  readonly stopTokens?: readonly number[] | undefined;
  /** Generation ends behind any of these runs of drawn tokens; it is part of the result. @defaultValue none */
  readonly stopSequences?: readonly ArrayLike<number>[] | undefined;
  /** Tokens of the prompt that are used, the last ones. @defaultValue all */
  readonly window?: number | undefined;
  /** How the cache stores keys and values. @defaultValue "f32" */
  readonly cacheDtype?: "f32" | "f16" | undefined;
  readonly signal?: AbortSignalLike | undefined;
}

type Defaulted = Omit<GenerateOptions, "signal" | "window" | "stopSequences">;

/** Options with their defaults. */
export interface ResolvedGenerate extends Readonly<{ [K in keyof Defaulted]-?: NonNullable<Defaulted[K]> }> {
  readonly stopSequences: readonly (readonly number[])[];
  readonly window: number | undefined;
  readonly signal: AbortSignalLike | undefined;
}

const token = field.nonNegativeInteger(2 ** 31 - 1);
const run = field.custom<ArrayLike<number>>(
  "a list of at least one token",
  (value) => typeof value === "object" && value !== null && Number((value as ArrayLike<number>).length) > 0,
);

const schema = {
  count: field.nonNegativeInteger(),
  seed: field.withDefault(field.nonNegativeInteger(), 0),
  temperature: field.withDefault(field.number(0), 1),
  topK: field.withDefault(field.nonNegativeInteger(), 0),
  topP: field.withDefault(
    field.custom<number>("a number above 0 and up to 1", (p) => typeof p === "number" && p > 0 && p <= 1),
    1,
  ),
  repetitionPenalty: field.withDefault(field.positive(), 1),
  stopTokens: field.withDefault(field.list(token), []),
  stopSequences: field.withDefault(field.list(run), []),
  window: field.optional(field.positiveInteger()),
  cacheDtype: field.withDefault(field.oneOf(["f32", "f16"]), "f32"),
  signal: field.optional(field.abortSignal()),
};

/** @throws ConfigError that lists every bad field. */
export function resolveGenerate(caller: string, options: GenerateOptions): ResolvedGenerate {
  const values = checkConfig(caller, schema, options);
  return { ...values, stopSequences: values.stopSequences.map((sequence) => Array.from(sequence)) };
}

/** What to do instead, by kind of model. */
const INSTEAD: Readonly<Record<string, string>> = {
  longnet: "call model.encode(source) once, and model.decode(target, context) for the logits of each next token",
  "longnet-encoder": "an encoder sees the whole text at once: use model.forward, and model.project for logits",
  "longnet-vit": "a slide encoder gives features: use model.forward",
};

/** @throws ConfigError for what is no causal model. */
export function checkGenerates(caller: string, model: unknown): void {
  const { kind, config, parameters } = (model ?? {}) as { kind?: unknown; config?: object; parameters?: unknown };
  const name = typeof kind === "string" ? kind : typeof model;
  const isCausal = config !== undefined && parameters !== undefined && "vocab" in config && "tied" in config;
  if (isCausal && !Object.hasOwn(INSTEAD, name)) return;
  throw new ConfigError(`${caller}: a ${name} does not generate`, {
    details: ['models that do: "longnet-lm", "longnet-decoder"'],
    fix: INSTEAD[name] ?? 'make a model with createModel(device, { kind: "longnet-lm", ... })',
  });
}

/**
 * Checks prompts against a model, and gives the length that the cache has to be ready for: undefined when it needs no limit.
 *
 * @throws ConfigError, LimitError
 */
export function checkPrompts(
  caller: string,
  config: LongNetDecoderConfig,
  prompts: readonly ArrayLike<number>[],
  count: number,
): number | undefined {
  if (prompts.length === 0 || prompts.some((prompt) => !(prompt?.length > 0))) {
    throw new ConfigError(`${caller}: a prompt must hold at least one token`, {
      details: [`prompts: ${prompts.map((prompt) => `${prompt?.length} tokens`).join(", ") || "none"}`],
      fix: "start with a separator token",
    });
  }
  for (const prompt of prompts) checkTokenRange(caller, prompt, config.vocab);
  const longest = Math.max(...prompts.map(({ length }) => length)) + count;
  const unbounded = Number.isFinite(cachePlan(config).period);
  const limit = config.position === "learned" ? config.maxPositions : unbounded ? Infinity : MAX_DECODE_POSITION;
  if (longest > limit) {
    throw new LimitError(`${caller}: prompt and drawn tokens would be ${longest} together`, {
      details: [`limit of this model: ${limit} tokens`],
      fix: `draw at most ${Math.max(0, limit - longest + count)}, or use window to shorten the prompt`,
    });
  }
  return longest <= MAX_DECODE_POSITION ? longest : undefined;
}

import { type AbortSignalLike, ConfigError, checkArgument, checkConfig, field, LimitError } from "@dilated/core";
import { MAX_DECODE_POSITION } from "@dilated/kernels/decode";
import { textLimit } from "../decode/cache-plan.ts";
import type { CausalModel } from "../longnet/causal-model.ts";
import type { LongNetDecoderConfig } from "../longnet/decoder.config.ts";
import type { LongNet } from "../longnet/longnet.ts";
import { checkTokenRange } from "../longnet-lm/tokens.ts";
import { isModel } from "../options/kinds.ts";
import type { SamplingOptions } from "./filter.ts";

/** How a text is continued, or a target written. */
export interface GenerateOptions extends SamplingOptions {
  /** Most tokens to draw. */
  readonly count: number;
  /** @defaultValue 0 */
  readonly seed?: number | undefined;
  /** Generation ends behind any of these tokens; it is part of the result. @defaultValue none */
  readonly stopTokens?: readonly number[] | undefined;
  /** Generation ends behind any of these runs of drawn tokens; it is part of the result. @defaultValue none */
  readonly stopSequences?: readonly ArrayLike<number>[] | undefined;
  /** Tokens of the prompt (of the source) that are used, the last ones. @defaultValue all */
  readonly window?: number | undefined;
  /** How the cache stores keys and values. @defaultValue "f32" */
  readonly cacheDtype?: "f32" | "f16" | undefined;
  readonly signal?: AbortSignalLike | undefined;
}

/** How an encoder-decoder writes the target of a source. */
export interface TargetOptions extends GenerateOptions {
  /**
   * Target tokens that each target begins with, at least one: the start token of the model's training, and a prefix to
   * go on from. They are no part of the result. @defaultValue [0]
   */
  readonly start?: ArrayLike<number> | undefined;
}

type Defaulted = Omit<GenerateOptions, "signal" | "window" | "stopSequences">;

/** Options with their defaults. */
export interface ResolvedGenerate extends Readonly<{ [K in keyof Defaulted]-?: NonNullable<Defaulted[K]> }> {
  readonly stopSequences: readonly (readonly number[])[];
  readonly window: number | undefined;
  readonly signal: AbortSignalLike | undefined;
  /** Of an encoder-decoder alone. */
  readonly start: readonly number[];
}

const token = field.nonNegativeInteger(2 ** 31 - 1);
const numbers = field.numbers();
/** Whether a model has them is checked with the model. */
const isToken = (id: unknown): boolean => typeof id === "bigint" || Number.isSafeInteger(id);
const run = field.custom<ArrayLike<number>>("a list of at least one token", (value) => {
  if (!numbers.test(value) || (value as ArrayLike<number>).length === 0) return false;
  const ids = value as ArrayLike<unknown>;
  for (let i = 0; i < ids.length; i++) if (!isToken(ids[i])) return false;
  return true;
});

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

const targetSchema = { ...schema, start: field.withDefault(run, [0]) };

/** @throws ConfigError that lists every bad field; only targets have a `start`. */
export function resolveGenerate(caller: string, options: TargetOptions, target = false): ResolvedGenerate {
  const values = target ? checkConfig(caller, targetSchema, options) : checkConfig(caller, schema, options);
  const given: ArrayLike<number | bigint> = "start" in values ? (values.start as ArrayLike<number>) : [];
  const start = Array.from(given, (id) => (typeof id === "bigint" ? Number(id) : id)); // what else it is, is checked later
  return { ...values, start, stopSequences: values.stopSequences.map((sequence) => Array.from(sequence)) };
}

/** What to do instead, by kind of model. */
const INSTEAD: Readonly<Record<string, string>> = {
  "longnet-encoder": "an encoder sees the whole text at once: use model.forward, and model.project for logits",
  "longnet-vit": "a slide encoder gives features: use model.forward",
};

const GENERATE: readonly string[] = ["longnet-lm", "longnet-decoder", "longnet"];
const MODEL = field.custom('a model, such as createModel(device, { kind: "longnet-lm", ... }) makes', (model) =>
  isModel(model, [...GENERATE, ...Object.keys(INSTEAD)]),
);

/** @throws ConfigError for what is neither a causal model nor an encoder-decoder. */
export function checkGenerates(caller: string, model: unknown): asserts model is CausalModel<string> | LongNet {
  const details = ['models that do: "longnet-lm", "longnet-decoder", "longnet"'];
  checkArgument(caller, "model", MODEL, model);
  const { kind } = model as { readonly kind: string };
  if (GENERATE.includes(kind)) return;
  throw new ConfigError(`${caller}: a ${kind} does not generate`, {
    details,
    fix: INSTEAD[kind] ?? 'make a model with createModel(device, { kind: "longnet-lm", ... })',
  });
}

/** Whether it is an encoder-decoder. */
export function isLongNet(model: CausalModel<string> | LongNet): model is LongNet {
  return model.kind === "longnet";
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
  checkNotEmpty(caller, "prompt", prompts);
  for (const prompt of prompts) checkTokenRange(caller, prompt, config.vocab);
  const advice = "use window to shorten the prompt";
  return checkLength(caller, config, { what: "prompt", advice, length: longestOf(prompts), count });
}

/**
 * Checks sources against the encoder, and the start of the targets against the decoder; gives what {@link checkPrompts}
 * gives, of the targets.
 *
 * @throws ConfigError, LimitError that name the side
 */
export function checkSources(
  caller: string,
  { config: { encoder, decoder }, parameters }: LongNet,
  sources: readonly ArrayLike<number>[],
  { start, count }: Pick<ResolvedGenerate, "start" | "count">,
): number | undefined {
  checkNotEmpty(caller, "source", sources);
  const vocab = parameters.encoder.embedding ? encoder.vocab : decoder.vocab;
  for (const source of sources) checkTokenRange(`${caller}: source`, source, vocab);
  checkTokenRange(`${caller}: start`, start, decoder.vocab);
  const longest = longestOf(sources);
  const limit = encoder.position === "learned" ? encoder.maxPositions : MAX_DECODE_POSITION;
  if (longest > limit) {
    throw new LimitError(`${caller}: a source has ${longest} tokens`, {
      details: [`limit of this model's encoder: ${limit} tokens`],
      fix: `use window: ${limit} to shorten it`,
    });
  }
  const advice = "shorten start";
  return checkLength(caller, decoder, { what: "start of the target", advice, length: start.length, count });
}

function checkNotEmpty(caller: string, what: string, texts: readonly ArrayLike<number>[]): void {
  checkArgument(caller, `${what}s`, field.list(numbers), texts);
  if (texts.length > 0 && texts.every((text) => text.length > 0)) return;
  throw new ConfigError(`${caller}: a ${what} must hold at least one token`, {
    details: [`${what}s: ${texts.map((text) => `${text.length} tokens`).join(", ") || "none"}`],
    fix: "start with a separator token",
  });
}

function longestOf(texts: readonly ArrayLike<number>[]): number {
  return texts.reduce((most, { length }) => Math.max(most, length), 0);
}

interface TextLength {
  /** What of the text is there at the start. */
  readonly what: string;
  readonly length: number;
  readonly count: number;
  readonly advice: string;
}

function checkLength(
  caller: string,
  config: LongNetDecoderConfig,
  { what, length, count, advice }: TextLength,
): number | undefined {
  const longest = length + count;
  const limit = textLimit(config);
  if (longest > limit) {
    throw new LimitError(`${caller}: ${what} and drawn tokens would be ${longest} together`, {
      details: [`limit of this model: ${limit} tokens`],
      fix: `draw at most ${Math.max(0, limit - length)}, or ${advice}`,
    });
  }
  return longest <= MAX_DECODE_POSITION ? longest : undefined;
}

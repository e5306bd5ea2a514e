import { AbortedError, ConfigError, type Device, DilatedError, LimitError } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLongNet, type LongNet } from "../longnet/longnet.ts";
import { createLongNetLM } from "../longnet-lm/model.ts";
import { generate } from "./generate.ts";
import { generateBatch } from "./generate-batch.ts";
import type { TargetOptions } from "./options.ts";

const stack = {
  dim: 16,
  layers: 1,
  heads: 2,
  branches: [
    { segment: 8, dilation: 1 },
    { segment: 24, dilation: 2 },
  ],
  position: "xpos",
} as const;
const [SOURCE_V, V] = [9, 13];
const source = [3, 1, 4, 1, 5, 0, 2, 6, 5, 3];
const sources = [source, [2], [7, 7], [1, 8], source.slice(1)];

let device: Device;
let model: LongNet;
beforeAll(async () => {
  device = await openTestDevice();
  const config = { encoder: { ...stack, vocab: SOURCE_V }, decoder: { ...stack, vocab: V, tied: false } };
  model = createLongNet(device, config, { seed: 3 });
});
afterAll(() => device.dispose());

async function run(text: ArrayLike<number>, options: TargetOptions) {
  const tokens: number[] = [];
  const steps = generate(model, text, options);
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return { tokens, result: value };
    tokens.push(value);
  }
}

async function runBatch(options: TargetOptions) {
  const steps = generateBatch(model, sources, options);
  const rows: (readonly (number | undefined)[])[] = [];
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return { rows, results: value };
    rows.push(value);
  }
}

/** Greedy continuation of `start` by full forward passes, each over the whole target so far. */
async function greedy(text: readonly number[], start: readonly number[], count: number): Promise<number[]> {
  const target = [...start];
  const ids = (values: readonly number[]) => device.tensor(values, [1, values.length], { dtype: "i32" });
  while (target.length < start.length + count) {
    using logits = device.scope(() => model.forward(ids(text), ids(target)));
    const last = Array.from(await logits.data()).slice(-V) as number[];
    const [best = 0, second = 0] = [...last].sort((a, b) => b - a);
    expect(best - second).toBeGreaterThan(1e-4); // no tie, which rounding may decide
    target.push(last.indexOf(best));
  }
  return target.slice(start.length);
}

describe("greedy tokens are those of full forward passes", () => {
  test.each([{}, { start: [5] }, { start: [5, 12, 0, 7] }])("%j", async ({ start }) => {
    const { tokens, result } = await run(source, { count: 12, temperature: 0, ...(start && { start }) });
    expect(tokens).toEqual(await greedy(source, start ?? [0], 12));
    expect(result).toEqual({ tokens, finishReason: "length" });
  });

  test("of sources of several lengths, which end one by one at a stop token", async () => {
    const start = Uint8Array.of(4, 1);
    const whole = await Promise.all(sources.map((text) => greedy(text, [...start], 8)));
    const stop = whole[0]?.[2] as number;
    const { rows, results } = await runBatch({ count: 8, temperature: 0, start, stopTokens: [stop] });
    const expected = whole.map((tokens) => {
      const end = tokens.indexOf(stop);
      return end < 0 ? { tokens, finishReason: "length" } : { tokens: tokens.slice(0, end + 1), finishReason: "stop" };
    });
    expect(results).toEqual(expected);
    for (const [b, { tokens }] of expected.entries()) {
      expect(rows.map((row) => row[b]).filter((token) => token !== undefined)).toEqual(tokens);
    }
  });
});

test("the source decides what is written", async () => {
  const { results } = await runBatch({ count: 8, temperature: 0 });
  expect(new Set(results.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(1);
});

test("drawn tokens belong to seed, text and place; stop sequences and penalties count in the target", async () => {
  const draw = async (seed: number) => (await run(source, { count: 16, seed })).tokens;
  const first = await draw(7);
  expect(await draw(7)).toEqual(first);
  expect(await draw(8)).not.toEqual(first);
  const { result } = await run(source, { count: 16, seed: 7, stopSequences: [first.slice(3, 6)] });
  expect(result.tokens.slice(-3)).toEqual(first.slice(3, 6));
  expect(result.finishReason).toBe("stop");
  const { tokens } = await run(source, { count: V - 1, temperature: 0, repetitionPenalty: 1e6, start: [6] });
  const plain = (await run(source, { count: V - 1, temperature: 0, start: [6] })).tokens;
  expect(new Set(tokens).size).toBeGreaterThan(new Set(plain).size);
});

test("token ids may be 64-bit integers, as tokenizers give them", async () => {
  const wide = (ids: readonly number[]) => BigInt64Array.from(ids, BigInt) as unknown as ArrayLike<number>;
  const options = { count: 4, temperature: 0, window: 6, repetitionPenalty: 2 };
  const given = await run(wide(source), { ...options, start: wide([4, 1]) });
  expect(given).toEqual(await run(source, { ...options, start: [4, 1] }));
  using lm = createLongNetLM(device, { ...stack, vocab: V });
  const first = async (prompt: ArrayLike<number>) =>
    (await generate(lm, prompt, { ...options, count: 1 }).next()).value;
  expect(await first(wide(source))).toBe(await first(source));
});

test("window takes the last tokens of the source", async () => {
  const options = { count: 6, temperature: 0 };
  expect(await run(source, { ...options, window: 4 })).toEqual(await run(source.slice(-4), options));
});

test("a signal stops it, an early end frees source and cache, and there may be nothing to draw", async () => {
  await run(source, { count: 2 }); // tables of the device
  const live = device.stats().live;
  const controller = new AbortController();
  const read = async () => {
    let count = 0;
    for await (const _ of generate(model, source, { count: 20, signal: controller.signal }))
      if (++count === 3) controller.abort();
  };
  await expect(read()).rejects.toThrow(/generate: stopped after 3 of 20 tokens/);
  for await (const _ of generateBatch(model, sources, { count: 20 })) break;
  expect(device.stats().live).toBe(live);
  await expect(run(source, { count: 1, signal: AbortSignal.abort() })).rejects.toBeInstanceOf(AbortedError);
  expect(await run(source, { count: 0 })).toEqual({ tokens: [], result: { tokens: [], finishReason: "length" } });
});

describe("refuses", () => {
  test.each([
    ["a source outside its vocabulary", [SOURCE_V], {}, "LIMIT", /generate: source: token 9 .*\n.*0 to 8/],
    [
      "a start outside its own",
      [1],
      { start: [0, V] },
      "LIMIT",
      /generate: start: token 13 at position 1.*\n.*0 to 12/,
    ],
    ["an empty source", [], {}, "CONFIG", /(prompt must be an array|a source must hold at least one token)/],
    ["no source", undefined, {}, "CONFIG", /(prompt must be an array|a source must hold at least one token)/],
    ["an empty start", [1], { start: [] }, "CONFIG", /start: .*a list of at least one token/],
    ["a start that is no list", [1], { start: 3 }, "CONFIG", /start: 3; allowed: a list of at least one token/],
    ["an unknown option", [1], { strat: [1] }, "CONFIG", /strat: unknown.*start/],
  ])("%s", async (_name, text, options, code, message) => {
    const error: unknown = await run(text as number[], { count: 1, ...options } as TargetOptions).catch((e) => e);
    expect(DilatedError.is(error) && error.code).toBe(code);
    expect(String(error)).toMatch(message);
  });

  test("a start of what has none", async () => {
    using lm = createLongNetLM(device, { ...stack, vocab: V });
    // @ts-expect-error a language model goes on from its prompt
    await expect(generate(lm, [1], { count: 1, start: [1] }).next()).rejects.toThrow(ConfigError);
  });

  test("lengths that a side cannot count", async () => {
    const learned = { ...stack, position: "learned", maxPositions: 12 } as const;
    using pair = createLongNet(device, { encoder: learned, decoder: { ...learned, maxPositions: 5, vocab: V } });
    const attempt = (M: number, count: number) =>
      generate(pair, Array.from({ length: M }).fill(1) as number[], { count, start: [1, 2] }).next();
    await expect(attempt(13, 1)).rejects.toThrow(/a source has 13 tokens[\s\S]*encoder: 12 tokens[\s\S]*window: 12/);
    await expect(attempt(12, 4)).rejects.toThrow(/start of the target and drawn tokens would be 6[\s\S]*at most 3/);
    expect((await attempt(12, 3)).done).toBe(false);
  });

  test("logits that are not finite", async () => {
    using broken = createLongNet(device, { encoder: stack, decoder: { ...stack, vocab: V } }, { seed: 1 });
    device.write(broken.parameters.encoder.norm?.weight as never, new Float32Array(16).fill(Number.NaN));
    for (const temperature of [0, 1]) {
      const drawing = generate(broken, [1, 2], { count: 3, temperature });
      await expect(drawing.next()).rejects.toThrow(LimitError);
    }
  });
});

import { AbortedError, type Device, DilatedError } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLongNetLM, type LongNetLM } from "../longnet-lm/model.ts";
import { generate } from "./generate.ts";
import { generateBatch } from "./generate-batch.ts";
import type { GenerateOptions } from "./options.ts";

const branches = [
  { segment: 8, dilation: 1 },
  { segment: 24, dilation: 2 },
];
const prompt = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3];

let device: Device;
let model: LongNetLM;
beforeAll(async () => {
  device = await openTestDevice();
  model = createLongNetLM(device, { vocab: 17, dim: 16, layers: 2, heads: 2, branches }, { seed: 1 });
});
afterAll(() => device.dispose());

async function run(text: readonly number[], options: GenerateOptions) {
  const tokens: number[] = [];
  const steps = generate(model, text, options);
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return { tokens, result: value };
    tokens.push(value);
  }
}

test("greedy tokens are those of full forward passes", async () => {
  const { tokens, result } = await run(prompt, { count: 50, temperature: 0 });
  using logits = device.scope(() => {
    const text = [...prompt, ...tokens];
    return model.forward(device.tensor(text, [1, text.length], { dtype: "i32" }));
  });
  const values = await logits.data();
  for (const [i, token] of tokens.entries()) {
    const row = [...values.subarray((prompt.length + i - 1) * 17, (prompt.length + i) * 17)];
    expect(row[token]).toBeGreaterThan(Math.max(...row) - 1e-4);
  }
  expect(result).toEqual({ tokens, finishReason: "length" });
});

test("the same seed gives the same tokens, another seed others", async () => {
  const draw = async (seed: number) => (await run(prompt, { count: 20, seed })).tokens;
  const first = await draw(7);
  expect(await draw(7)).toEqual(first);
  expect(await draw(8)).not.toEqual(first);
});

test("a penalty keeps greedy decoding from repeating itself", async () => {
  const { tokens } = await run([1], { count: 16, temperature: 0, repetitionPenalty: 1e6 });
  const fresh = new Set([1, ...tokens]);
  expect(fresh.size).toBeGreaterThan(new Set([1, ...(await run([1], { count: 16, temperature: 0 })).tokens]).size);
});

test("stops behind a stop token and behind a stop sequence", async () => {
  const { tokens } = await run(prompt, { count: 30, seed: 7 });
  const [token = 0] = tokens.slice(5);
  const end = tokens.indexOf(token) + 1;
  const stopped = { tokens: tokens.slice(0, end), finishReason: "stop" };
  expect((await run(prompt, { count: 30, seed: 7, stopTokens: [token] })).result).toEqual(stopped);
  const sequence = await run(prompt, { count: 30, seed: 7, stopSequences: [tokens.slice(8, 12)] });
  expect(sequence.result.finishReason).toBe("stop");
  expect(sequence.result.tokens.slice(-4)).toEqual(tokens.slice(8, 12));
});

test("texts of a batch are those that they would be alone", async () => {
  const prompts = [prompt, [2], [5, 5, 5], [7, 7, 7], prompt.slice(2)];
  const options: GenerateOptions = { count: 40, temperature: 0 };
  const steps = generateBatch(model, prompts, options);
  let next = await steps.next();
  while (!next.done) next = await steps.next();
  for (const [i, text] of prompts.entries()) expect(next.value[i]).toEqual((await run(text, options)).result);
});

test("texts of a batch end one by one", async () => {
  const alone = (await run(prompt, { count: 9, seed: 3 })).tokens;
  const [stop = 0] = alone.slice(1);
  const rows: (readonly (number | undefined)[])[] = [];
  for await (const row of generateBatch(model, [prompt, [2]], { count: 9, seed: 3, stopTokens: [stop] }))
    rows.push(row);
  const first = rows.map(([token]) => token).filter((token) => token !== undefined);
  expect(first).toEqual(alone.slice(0, alone.indexOf(stop) + 1));
  expect(rows.at(-1)?.some((token) => token !== undefined)).toBe(true);
});

test("a signal stops it with a typed error, and an early end frees the cache", async () => {
  const live = device.stats().live;
  const controller = new AbortController();
  const read = async () => {
    let count = 0;
    for await (const _ of generate(model, prompt, { count: 20, signal: controller.signal }))
      if (++count === 3) controller.abort();
    return count;
  };
  await expect(read()).rejects.toBeInstanceOf(AbortedError);
  for await (const _ of generate(model, prompt, { count: 20 })) break;
  expect(device.stats().live).toBe(live);
  const before = AbortSignal.abort();
  await expect(run(prompt, { count: 1, signal: before })).rejects.toBeInstanceOf(AbortedError);
});

test("nothing to draw", async () => {
  expect(await run(prompt, { count: 0 })).toEqual({ tokens: [], result: { tokens: [], finishReason: "length" } });
});

describe("refuses", () => {
  test.each([
    ["a token outside the vocabulary", [17], { count: 1 }, "LIMIT"],
    ["half a token", [0.5], { count: 1 }, "LIMIT"],
    ["an empty prompt", [], { count: 1 }, "CONFIG"],
    ["an unknown option", [1], { count: 1, top_k: 3 }, "CONFIG"],
    ["no count", [1], {}, "CONFIG"],
    ["a negative count", [1], { count: -1 }, "CONFIG"],
    ["a negative temperature", [1], { count: 1, temperature: -1 }, "CONFIG"],
    ["a temperature that is no number", [1], { count: 1, temperature: Number.NaN }, "CONFIG"],
    ["half a topK", [1], { count: 1, topK: 1.5 }, "CONFIG"],
    ["a topP of 0", [1], { count: 1, topP: 0 }, "CONFIG"],
    ["a topP over 1", [1], { count: 1, topP: 1.1 }, "CONFIG"],
    ["a penalty of 0", [1], { count: 1, repetitionPenalty: 0 }, "CONFIG"],
    ["an empty stop sequence", [1], { count: 1, stopSequences: [[]] }, "CONFIG"],
    ["a signal that is none", [1], { count: 1, signal: true }, "CONFIG"],
  ])("%s", async (_name, text, options, code) => {
    const error: unknown = await run(text, options as unknown as GenerateOptions).catch((thrown) => thrown);
    expect(DilatedError.is(error) && error.code).toBe(code);
  });

  test("lengths that the model cannot count", async () => {
    const base = { vocab: 17, dim: 16, layers: 1, heads: 2 };
    using learned = createLongNetLM(device, { ...base, branches, position: "learned", maxPositions: 12 }, { seed: 1 });
    await expect(generate(learned, prompt, { count: 3 }).next()).rejects.toThrow(/12 tokens/);
    const primes = [4093, 4091, 4079].map((segment) => ({ segment, dilation: 1 }));
    using coprime = createLongNetLM(device, { ...base, branches: primes }, { seed: 1 });
    await expect(generate(coprime, prompt, { count: 2 ** 24 }).next()).rejects.toThrow(/16777216 tokens/);
  });
});

test("a model with NaN in its parameters throws before it yields a token", async () => {
  const broken = createLongNetLM(device, { vocab: 17, dim: 16, layers: 1, heads: 2, branches }, { seed: 1 });
  device.write(broken.parameters.norm?.weight as never, new Float32Array(16).fill(Number.NaN));
  for (const temperature of [0, 1]) {
    const batch = generateBatch(broken, [prompt, [1]], { count: 3, temperature });
    await expect(batch.next()).rejects.toThrow(/generateBatch: the logits .* are not finite/);
    const single = generate(broken, prompt, { count: 3, temperature });
    await expect(single.next()).rejects.toThrow(/generate: the logits .* are not finite/);
  }
});

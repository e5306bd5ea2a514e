import { ConfigError, DilatedError, FormatError, LimitError } from "@dilated/core";
import { expect, test, vi } from "vitest";
import { decodeStream, streamDecoder } from "./decode-stream.ts";
import { loadTokenizer } from "./hugging-face.ts";
import { tinyTokenizer } from "./test-utils/tiny-tokenizer.ts";
import { tokenBatches } from "./token-batches.ts";
import { byteTokenizer, checkVocabulary, type Tokenizer } from "./tokenizer.ts";

const { json, config, size } = tinyTokenizer();
const hugging = (): Promise<Tokenizer> => loadTokenizer(JSON.stringify(json), config);
const sample = "the whale: naïve 鯨 👩‍👩‍👧 the\n\tend 🐋";

test.each([
  ["bytes", async () => byteTokenizer()],
  ["a Hugging Face file", hugging],
])("%s: text comes back, whole and as a stream without broken characters", async (_name, load) => {
  const tokenizer = await load();
  const ids = tokenizer.encode(sample);
  expect(Math.max(...ids)).toBeLessThan(tokenizer.vocab);
  expect(tokenizer.decode(ids)).toBe(sample);
  const pieces: string[] = [];
  for await (const piece of decodeStream(tokenizer, ids)) pieces.push(piece);
  expect(pieces.join("")).toBe(sample);
  expect(pieces.every((piece) => !piece.includes("\uFFFD"))).toBe(true);
  expect(pieces.length).toBeGreaterThan(20);
  expect([tokenizer.decode([]), tokenizer.encode("")]).toEqual(["", []]);
});

test("merges and special tokens are those of the file", async () => {
  const tokenizer = await hugging();
  expect(tokenizer.vocab).toBe(size);
  const end = tokenizer.idOf("<|end|>") as number;
  expect(end).toBe(size - 1);
  expect(tokenizer.encode("the whale<|end|>")).toEqual([tokenizer.idOf("the"), tokenizer.idOf("Ġwhale"), end]);
  expect(tokenizer.decode([tokenizer.idOf("the") as number, end])).toBe("the");
  expect(tokenizer.decode([tokenizer.idOf("the") as number, end], { special: true })).toBe("the<|end|>");
  expect(tokenizer.idOf("no such token")).toBeUndefined();
});

test("a stream that ends inside a character says so, and returns what the source returns", async () => {
  const tokenizer = byteTokenizer();
  const decoder = streamDecoder(tokenizer);
  expect([0x61, 0xf0, 0x9f].map((id) => decoder.push(id))).toEqual(["a", "", ""]);
  expect(decoder.end()).toBe("\uFFFD");
  expect(decoder.end()).toBe("");
  async function* source(): AsyncGenerator<number, string> {
    yield 97;
    return "stop";
  }
  const stream = decodeStream(tokenizer, source());
  expect(await stream.next()).toEqual({ done: false, value: "a" });
  expect(await stream.next()).toEqual({ done: true, value: "stop" });
});

test("leaving a stream early stops its source", async () => {
  const stopped = vi.fn();
  async function* source(): AsyncGenerator<number, void> {
    try {
      for (;;) yield 97;
    } finally {
      stopped();
    }
  }
  for await (const _ of decodeStream(byteTokenizer(), source())) break;
  expect(stopped).toHaveBeenCalledOnce();
});

test("each id costs the same, however long the text", () => {
  let longest = 0;
  const decode = (ids: ArrayLike<number>): string => {
    longest = Math.max(longest, ids.length);
    return byteTokenizer().decode(ids);
  };
  const decoder = streamDecoder({ decode });
  for (let i = 0; i < 5000; i++) decoder.push(97 + (i % 26));
  expect(longest).toBeLessThan(5);
});

test("ids outside the vocabulary are named with their position", async () => {
  const tokenizer = await hugging();
  for (const bad of [size, -1, 1.5, Number.NaN]) {
    expect(() => tokenizer.decode([1, 2, bad])).toThrow(LimitError);
    expect(() => tokenizer.decode([1, 2, bad])).toThrow(/position 2/);
    expect(() => tokenBatches([1, bad, 3, 4], { seq: 2, vocab: size })).toThrow(/position 1/);
  }
  expect(() => byteTokenizer().decode([256])).toThrow(LimitError);
});

test("a vocabulary that the model does not have is refused", async () => {
  expect(() => checkVocabulary(byteTokenizer(), 255)).toThrow(ConfigError);
  expect(() => checkVocabulary(byteTokenizer(), 256)).not.toThrow();
  await expect(loadTokenizer(json, config, { vocab: 256 })).rejects.toThrow(ConfigError);
  await expect(loadTokenizer(json, config, { vocab: 512 })).resolves.toMatchObject({ vocab: size });
});

test.each([
  ["text that is not JSON", "{", "{}"],
  ["JSON that is no object", "3", "{}"],
  ["an object without a model", "{}", "{}"],
  ["a model without a vocabulary", '{"model":{"type":"BPE"}}', "{}"],
  ["settings that are not JSON", JSON.stringify(json), "]"],
])("refuses %s", async (_name, tokenizer, settings) => {
  await expect(loadTokenizer(tokenizer, settings)).rejects.toThrow(FormatError);
});

test.each([2 ** 30, 2 ** 22, -1, 0.5])("refuses an id of %s before the library makes a list for it", async (id) => {
  const given = (json as { model: { vocab: object } }).model;
  const model = { ...given, vocab: { ...given.vocab, far: id } };
  await expect(loadTokenizer({ ...json, model })).rejects.toThrow(LimitError);
  await expect(loadTokenizer({ ...json, added_tokens: [{ id, content: "<far>" }] })).rejects.toThrow(/"<far>"/);
});

test("says how to install the peer", async () => {
  vi.doMock("@huggingface/tokenizers", () => {
    throw new Error("Cannot find package");
  });
  const error = await loadTokenizer(json, config).catch((caught: unknown) => caught);
  expect(DilatedError.is(error) && error.code).toBe("FEATURE");
  expect((error as DilatedError).fix).toBe("npm install @huggingface/tokenizers");
  vi.doUnmock("@huggingface/tokenizers");
});

test("windows of token ids are consecutive, and a function of seed and step", () => {
  const ids = Array.from({ length: 500 }, (_, i) => i);
  const batches = tokenBatches(ids, { seq: 16, batch: 2, seed: 4, vocab: 500 });
  const { tokens, shape } = batches(3);
  expect(shape).toEqual([2, 17]);
  for (let i = 1; i < 34; i++) if (i !== 17) expect(tokens[i]).toBe((tokens[i - 1] as number) + 1);
  expect(batches(3)).toEqual({ tokens, shape });
  expect(() => tokenBatches(ids, { seq: 500, vocab: 500 })).toThrow(LimitError);
  const wide = BigInt64Array.from(Array.from(ids, BigInt)) as never; // as datasets of Python hold them
  expect(tokenBatches(wide, { seq: 16, batch: 2, seed: 4, vocab: 500 })(3)).toEqual(batches(3));
  expect(() => tokenBatches(ids, { seq: 0, vocab: 500 })).toThrow(ConfigError);
});

import { fc, test as property } from "@fast-check/vitest";
import { expect, it } from "vitest";
import { loadTokenizer } from "./hugging-face.ts";
import { repeatsChoices } from "./patterns.ts";
import { tinyTokenizer } from "./test-utils/tiny-tokenizer.ts";

it.each(["(a+)+$", "(a|a)*b", "(?:a*)*", "((a|b))+", "(?<x>a?){30}", "(?:(\\s+)x?){2,}", "([a-z]+)*", "(a{2,})+"])(
  "%s is refused",
  async (pattern) => {
    expect(repeatsChoices(pattern)).toBe(true);
    const { json, config } = tinyTokenizer();
    const split = { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
    const hostile = { ...json, pre_tokenizer: { type: "Sequence", pretokenizers: [split] } };
    await expect(loadTokenizer(hostile, config)).rejects.toThrow(/pre_tokenizer\.pretokenizers\.0\.pattern can take/);
    await expect(loadTokenizer(hostile, config, { trusted: true })).resolves.toBeDefined();
  },
);

// GPT-2, Llama 3, o200k, Bloom, digits in threes, DeepSeek.
it.each([
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}]*[\p{Ll}\p{Lm}]+(?i:'s|'t)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*`,
  String.raw` ?[^(\s|[.,!?…。，、।۔،])]+`,
  String.raw`\d{1,3}(?=(?:\d{3})*\b)`,
  String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_\`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|\s+(?!\S)`,
])("%s is not", (pattern) => {
  expect(repeatsChoices(pattern)).toBe(false);
});

property.prop([fc.string()], { numRuns: 500 })("any text is looked at in one walk", (pattern) => {
  expect(typeof repeatsChoices(pattern)).toBe("boolean");
});

import { LimitError } from "@dilated/core";
import { expect, test } from "vitest";
import { unigramEntropy } from "./bits-per-byte.ts";
import { byteBatches } from "./token-batches.ts";

const text = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);

test("windows are consecutive bytes of the text, and a function of seed and step", () => {
  const batches = byteBatches(text, { seq: 64, batch: 3, seed: 7 });
  const { tokens, shape } = batches(5);
  expect(shape).toEqual([3, 65]);
  for (let b = 0; b < 3; b++) {
    for (let i = 1; i < 65; i++)
      expect((tokens[b * 65 + i] as number) % 251).toBe(((tokens[b * 65 + i - 1] as number) + 1) % 251);
  }
  expect(byteBatches(text, { seq: 64, batch: 3, seed: 7 })(5)).toEqual({ tokens, shape });
  expect(batches(6).tokens).not.toEqual(tokens);
  expect(byteBatches(text, { seq: 64, batch: 3, seed: 8 })(5).tokens).not.toEqual(tokens);
});

test("the whole text is the only window of its own length", () => {
  expect(Array.from(byteBatches(text, { seq: 999 })(0).tokens as Int32Array)).toEqual(Array.from(text));
  expect(() => byteBatches(text, { seq: 1000 })).toThrow(LimitError);
});

test("unigram entropy of even bytes is log2 of their number", () => {
  expect(unigramEntropy(Uint8Array.from([0, 1, 2, 3]))).toBeCloseTo(2, 12);
  expect(unigramEntropy(Uint8Array.from([9, 9, 9]))).toBeCloseTo(0, 12);
});

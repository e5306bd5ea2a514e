import { ConfigError } from "@dilated/core";
import { expect, it } from "vitest";
import { checkTokens } from "./check-tokens.ts";

it("counts what is outside the vocabulary, and takes what is allowed", () => {
  expect(() => checkTokens([0, 5, -1, 1.5], 5)).toThrow(/3 of 4 tokens are not in \[0, 5\)/);
  checkTokens([0, 4, -100], 5, { allow: -100 });
});

it("ends at the first place without a token, however long the list says it is", () => {
  let reads = 0;
  const endless = new Proxy(
    { length: 2 ** 40 },
    {
      get: (target, key) => {
        reads += 1;
        return key === "length" ? target.length : undefined;
      },
    },
  ) as unknown as ArrayLike<number>;
  expect(() => checkTokens(endless, 5)).toThrow(ConfigError);
  expect(reads).toBeLessThan(10);
  expect(() => checkTokens([1, undefined] as number[], 5)).toThrow(/no token at index 1/);
});

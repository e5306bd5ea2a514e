import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { type LongNetLMOptions, resolveLongNetLM } from "./config.ts";

const good: LongNetLMOptions = { dim: 32, layers: 2, heads: 4, branches: [{ segment: 16, dilation: 1 }] };

test("fills in the defaults", () => {
  expect(resolveLongNetLM(good)).toMatchObject({
    vocab: 256,
    kvHeads: 4,
    hidden: 128,
    position: "xpos",
    dropout: 0,
    tied: true,
  });
});

test.each([
  [{ ...good, dropout: 1, position: "alibi", nose: 1, branches: [] }, ["nose", "branches", "position", "dropout"]],
  [{ ...good, dim: 30, kvHeads: 3, hidden: 30 }, ["dim / heads", "kvHeads", "hidden"]],
])("names every bad field of %o", (bad, fields) => {
  try {
    resolveLongNetLM(bad as unknown as LongNetLMOptions);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    for (const field of fields)
      expect(
        (error as ConfigError).details.some((line) => line.startsWith(field)),
        field,
      ).toBe(true);
  }
});

import { LimitError } from "@dilated/core";
import { expect, it } from "vitest";
import { decodeCacheBytes } from "../decode/cache-plan.ts";
import { resolveLongNetLM } from "../longnet-lm/config.ts";
import { type EstimateOptions, estimate } from "./estimate.ts";

const branches = [{ segment: 2 ** 20, dilation: 2 ** 10 }];
const stack = { dim: 8, layers: 1, heads: 2, branches } as const;
const MOST = 2 ** 24;

it.each(["forward", "backward", "train", "decode"] as const)("too long a context is told as N (%s)", (mode) => {
  const branches = [{ segment: 2 ** 27, dilation: 2 ** 16 }]; // in decoding, too: no position where all starts anew
  const of = (N: number) => () => estimate({ kind: "longnet-lm", ...stack, branches, vocab: 32 }, { N, mode });
  for (const N of [MOST + 1, 2 ** 27, 2 ** 31 - 1]) {
    expect(of(N)).toThrow(LimitError);
    expect(of(N)).toThrow(
      new RegExp(`^estimate: N: ${N} tokens[\\s\\S]*N: ${N}; allowed [\\s\\S]*: at most ${MOST}\nFix: use N: `),
    );
    expect(of(N)).not.toThrow(/length|decodePlan/);
  }
});

it.each([
  ["N", { N: 2 ** 27, M: 64 }, "forward"],
  ["N", { N: 2 ** 27 }, "forward"],
  ["M", { N: 64, M: 2 ** 27 }, "forward"],
  ["M", { N: 64, M: 2 ** 27 }, "decode"],
] as const)("of an encoder-decoder, %s is named (%o, %s)", (name, size: Omit<EstimateOptions, "mode">, mode) => {
  const side = { ...stack, position: "rope" } as const;
  const of = () => estimate({ kind: "longnet", encoder: side, decoder: side }, { ...size, mode });
  expect(of).toThrow(new RegExp(`^estimate: ${name}: 134217728 tokens`));
});

it("learned positions count to the end of their table", () => {
  const learned = { kind: "longnet-lm", ...stack, vocab: 32, position: "learned", maxPositions: 100 } as const;
  for (const mode of ["forward", "decode"] as const) {
    expect(() => estimate(learned, { N: 101, mode })).toThrow(/N: 101; allowed [\s\S]*: at most 100/);
    expect(() => estimate(learned, { N: 100, mode })).not.toThrow();
  }
});

it("nothing ends a context without positions, nor one whose positions start anew", () => {
  const model = { kind: "longnet-lm", ...stack, vocab: 32 } as const;
  expect(estimate({ ...model, position: "none" }, { N: 2 * MOST }).bytes.peak).toBeGreaterThan(2 * MOST * 8 * 4);
  const decoding = (N: number) => estimate(model, { N, mode: "decode" }).bytes.cache;
  expect(decoding(2 ** 27)).toBe(decoding(MOST));
});

it("a cache that is too long is told by the name of its caller", () => {
  const config = resolveLongNetLM({ ...stack, vocab: 32 });
  expect(() => decodeCacheBytes(config, 1, { length: MOST + 1 })).toThrow(/^decodeCacheBytes[\s\S]*length: 16777217/);
});

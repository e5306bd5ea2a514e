import { type AttentionCase, caseInputs } from "@dilated-internal/attention-kit/cases";
import { runCase } from "@dilated-internal/attention-kit/run-case";
import { openTestDevice } from "@dilated-internal/testing";
import { expect, test } from "vitest";

const branches = [
  { segment: 32, dilation: 1 },
  { segment: 64, dilation: 2 },
];
// One pattern for both, so that a software adapter compiles each kernel once.
const options = { branches, causal: true };

// Pieces of 160 tokens of 512 bytes, and lse of 2,100 · 8 numbers: too long but for some heads at a time.
const long = [
  { segment: 160, dilation: 1 },
  { segment: 160, dilation: 2 },
];
test.each<[string, AttentionCase]>([
  [
    "grouped heads",
    { name: "", B: 2, N: 160, H: 8, G: 4, D: 16, mask: "some", options: { branches: long, causal: true } },
  ],
  ["one key/value head", { name: "", B: 1, N: 160, H: 8, G: 1, D: 16, options: { branches: long, causal: true } }],
  [
    "partitioned heads",
    { name: "", B: 1, N: 160, H: 8, D: 16, options: { branches: long, causal: true, heads: "partitioned" } },
  ],
  ["many rows of lse", { name: "", B: 1, N: 2100, H: 8, D: 4, options }],
])("%s of tokens that belong together and are longer than a binding", async (_name, one) => {
  const inputs = caseInputs(one);
  using whole = await openTestDevice();
  using cut = await openTestDevice({ maxBindingBytes: 65_536 });
  const [want, got] = [await runCase(whole, one, { inputs }), await runCase(cut, one, { inputs })];
  for (const [name, values] of Object.entries(want)) {
    expect(got[name as keyof typeof got], name).toBeAllClose(values, { atol: 1e-5, rtol: 1e-5 });
  }
});

// A token is 128 bytes: 512 of them fit the shorter binding, 2,048 the longer one.
test.each([
  { maxBindingBytes: 65_536, N: 800, mask: "some" as const },
  { maxBindingBytes: 262_144, N: 2_100, mask: undefined },
])("attention of $N tokens under bindings of $maxBindingBytes bytes", async (limits) => {
  const { maxBindingBytes, N, mask } = limits;
  const test: AttentionCase = { name: "long", B: 1, N, H: 2, D: 16, mask, options };
  const inputs = caseInputs(test);
  using whole = await openTestDevice();
  using cut = await openTestDevice({ maxBindingBytes });
  const [want, got] = [await runCase(whole, test, { inputs }), await runCase(cut, test, { inputs })];
  for (const [name, values] of Object.entries(want)) {
    expect(got[name as keyof typeof got]).toBeAllClose(values, { atol: 1e-5, rtol: 1e-5 });
  }
});

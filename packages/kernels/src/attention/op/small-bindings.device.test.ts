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

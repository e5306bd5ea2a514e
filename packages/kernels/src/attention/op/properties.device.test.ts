import type { Device, Tensor } from "@dilated/core";
import { type AttentionCase, caseInputs, ladderCase, resolveCase } from "@dilated-internal/attention-kit/cases";
import { runCase } from "@dilated-internal/attention-kit/run-case";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keysOfRow } from "../oracle/dilated.ts";
import { attention } from "./attention.ts";
import { type AttentionResult, dilatedAttention } from "./dilated-attention.ts";
import { mergeAttention } from "./merge.ts";

/** A software adapter compiles a kernel for half a minute when it sees it first. */
let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

/** q, k, v of a case on the device. */
function operands(
  test: AttentionCase,
  change: (name: "q" | "k" | "v", values: Float32Array) => Float32Array = (_, x) => x,
): [Tensor, Tensor, Tensor] {
  const inputs = caseInputs(test);
  const shape = [test.B, test.N, test.H, test.D];
  const make = (name: "q" | "k" | "v"): Tensor => device.tensor(change(name, inputs[name]), shape);
  return [make("q"), make("k"), make("v")];
}

async function forward(
  test: AttentionCase,
  change?: Parameters<typeof operands>[1],
): Promise<Record<"out" | "lse", Float32Array>> {
  const tensors = operands(test, change);
  const { out, lse } = dilatedAttention(...tensors, test.options);
  const read = { out: (await out.data()) as Float32Array, lse: (await lse.data()) as Float32Array };
  for (const tensor of [...tensors, out, lse]) tensor.dispose();
  return read;
}

describe("properties", () => {
  it("exactly the rows that the formula names see a key", async () => {
    const before = await forward(ladderCase);
    const resolved = resolveCase(ladderCase);
    const { N, H, D } = ladderCase;
    for (const u of [0, 7, 22, 43]) {
      const after = await forward(ladderCase, (name, x) =>
        name === "v" ? x.map((value, i) => (Math.floor(i / (H * D)) === u ? value + 1 : value)) : x,
      );
      for (let row = 0; row < N * H; row++) {
        const sees = keysOfRow(resolved, row % H, Math.floor(row / H)).some(({ keys }) => keys.includes(u));
        const changed = after.out.subarray(row * D, (row + 1) * D).some((x, d) => x !== before.out[row * D + d]);
        expect(changed, `row ${row}, key ${u}`).toBe(sees);
      }
    }
  });

  it("causal: the prefix does not change by a bit when later tokens do", async () => {
    const test: AttentionCase = { ...ladderCase, options: { ...ladderCase.options, causal: true } };
    const { H, D } = test;
    const before = await forward(test);
    const after = await forward(test, (_, x) => x.map((value, i) => (i >= 30 * H * D ? -3 * value : value)));
    expect(after.out.subarray(0, 30 * H * D)).toEqual(before.out.subarray(0, 30 * H * D));
    expect(after.out).not.toEqual(before.out);
  });

  it("v = 1 gives 1", async () => {
    const { out } = await forward(ladderCase, (name, x) => (name === "v" ? x.fill(1) : x));
    for (const x of out) expect(Math.abs(x - 1)).toBeLessThan(1e-6);
  });

  it.each(["q", "k", "v"] as const)("a NaN in %s is not hidden from the rows that see it", async (name) => {
    const { N, H, D } = ladderCase;
    const [token, head] = [7, 1];
    const { out } = await forward(ladderCase, (given, values) => {
      if (given === name) values[(token * H + head) * D + 2] = Number.NaN;
      return values;
    });
    const resolved = resolveCase(ladderCase);
    for (let t = 0; t < N; t++) {
      const keys = keysOfRow(resolved, head, t).flatMap((branch) => branch.keys);
      if (name === "q" ? t !== token : !keys.includes(token)) continue;
      const row = Array.from(out.subarray((t * H + head) * D, (t * H + head + 1) * D));
      expect(row.some(Number.isNaN), `row ${t}`).toBe(true);
    }
    // The other heads share nothing with it.
    expect(out.filter((_, i) => Math.floor(i / D) % H !== head).some(Number.isNaN)).toBe(false);
  });

  it("a repeated call gives the same bits, gradients included, and leaves no tensor behind", async () => {
    const first = await runCase(device, ladderCase);
    const { live } = device.stats();
    expect(await runCase(device, ladderCase)).toEqual(first);
    expect(device.stats().live).toBe(live);
  });

  it("a dense call is the branch that covers everything, and parts merge into the whole", async () => {
    const near = { branches: [{ segment: 44, dilation: 1 }] };
    const far = { branches: [{ segment: 44, dilation: 4 }] };
    const both = { branches: [...near.branches, ...far.branches] };
    const tensors = operands(ladderCase);
    const read = async ({ out, lse }: AttentionResult): Promise<ArrayLike<number>[]> => [
      await out.data(),
      await lse.data(),
    ];
    expect(await read(attention(...tensors))).toEqual(await read(dilatedAttention(...tensors, near)));
    const merged = await read(mergeAttention(dilatedAttention(...tensors, far), dilatedAttention(...tensors, near)));
    const whole = await read(dilatedAttention(...tensors, both));
    for (const i of [0, 1]) expect(merged[i]).toBeAllClose(whole[i] as ArrayLike<number>);
    expect(() => dilatedAttention(...tensors, { ...near, keyMask: [1] })).toThrow(/B·M = 44 values/);
    // Five parts, of which one is itself two, and an argument that is none.
    const pieces = [1, 2, 3, 4].map((dilation) => ({ branches: [{ segment: 44, dilation }] }));
    const [one, two, ...rest] = pieces.map((piece) => dilatedAttention(...tensors, piece)) as [
      AttentionResult,
      AttentionResult,
      ...AttentionResult[],
    ];
    const joint = await read(dilatedAttention(...tensors, { branches: pieces.flatMap(({ branches }) => branches) }));
    const dealt = await read(mergeAttention(one, two, ...rest));
    for (const i of [0, 1]) expect(dealt[i]).toBeAllClose(joint[i] as ArrayLike<number>);
    expect(await read(mergeAttention(one, two, ...rest))).toEqual(dealt);
    expect(() => mergeAttention(one, two, {} as never)).toThrow(/mergeAttention: more/);
    expect(() => attention(...tensors, { branches: [] } as never)).toThrow(/unknown option branches/);
  });
});

import { type Device, valueAndGrad } from "@dilated/core";
import { recordingDevice } from "@dilated-internal/testing/recording-device";
import { describe, expect, it } from "vitest";
import { sum } from "../../../reduce/reduce.ts";
import { dilatedAttention } from "../../op/dilated-attention.ts";
import type { DilatedAttentionOptions } from "../../pattern/options.ts";

const LADDER = [1, 2, 4, 8, 16].map((dilation) => ({ segment: 64 * dilation, dilation }));

/** Attention's launches, of forward and backward over this many tokens. */
function launches(
  options: DilatedAttentionOptions,
  { software = false, N = 2048 }: { readonly software?: boolean; readonly N?: number } = {},
  limits: Partial<Device["limits"]> = {},
): Map<string, number> {
  const { device, queued } = recordingDevice({ info: { software }, limits });
  const [q, k, v] = [1, 2, 3].map(() => device.zeros([1, N, 16, 64])) as [never, never, never];
  const { value, grads } = valueAndGrad({ q, k, v }, () => sum(dilatedAttention(q, k, v, options).out));
  for (const tensor of [value, ...Object.values(grads)]) tensor.dispose();
  const counts = new Map<string, number>();
  for (const name of queued.filter((each) => each.startsWith("attention"))) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  device.dispose();
  return counts;
}

const REPAIRS = {
  attention_forward_rolled: 1,
  attention_backward_query_rolled: 1,
  attention_backward_key_rolled: 1,
};

describe("fast kernels are followed by what repairs them", () => {
  it.each<[string, DilatedAttentionOptions]>([
    ["the ladder", { branches: LADDER }],
    ["the ladder, causal", { branches: LADDER, causal: true }],
    ["partitioned heads", { branches: LADDER.slice(0, 4), heads: "partitioned" }],
    ["packed sequences", { branches: LADDER, cuSeqlens: [0, 100, 2048] }],
  ])("%s: one launch each, whatever the plan", (_, options) => {
    const { attention_row_stats, attention_forward, ...rest } = Object.fromEntries(launches(options));
    expect(attention_row_stats).toBe(1);
    expect(attention_forward).toBeGreaterThan(0);
    expect(rest).toMatchObject(REPAIRS);
  });

  it("in windows, where tensors are longer than a binding: one each a window", () => {
    const branches = [{ segment: 1024, dilation: 2 }];
    // 4 KiB a token, so 1,024 tokens a binding.
    const counts = launches({ branches }, {}, { maxBindingBytes: 2 ** 22 });
    for (const [name, times] of Object.entries(REPAIRS)) expect(counts.get(name), name).toBe(2 * times);
  });

  it("where one branch runs alone for the detached gradient, too", () => {
    const counts = launches({ branches: LADDER, gradient: "detached" });
    expect(counts.get("attention_forward_rolled")).toBe(1 + LADDER.length);
  });

  it("and what repairs stays while branches alone fill the cache of plans", () => {
    const branches = Array.from({ length: 40 }, (_, i) => ({ segment: 8 + i, dilation: 1 }));
    const counts = launches({ branches, gradient: "detached" }, { N: 64 });
    expect(counts.get("attention_forward_rolled")).toBe(1 + branches.length);
    expect(counts.get("attention_backward_key_rolled")).toBe(1);
  });

  it("and backward looks again, by a scan, where too many forward passes came between", () => {
    const { device, queued } = recordingDevice({ info: { software: false } });
    const q = device.zeros([1, 8, 1, 16]);
    const calls = 67;
    const { value, grads } = valueAndGrad({ q }, () => {
      let x = q;
      for (let i = 0; i < calls; i++) x = dilatedAttention(x, x, x, { branches: LADDER.slice(0, 1) }).out;
      return sum(x);
    });
    for (const tensor of [value, ...Object.values(grads)]) tensor.dispose();
    // The first three have lost their marks; each scan takes that of another one, which is done by then.
    expect(queued.filter((name) => name === "attention_scan").length).toBe(3);
    device.dispose();
  });

  it("but software adapters run the exact kernels alone", () => {
    const counts = launches({ branches: LADDER }, { software: true, N: 256 });
    expect(counts.get("attention_scan")).toBeUndefined();
    expect([...counts.keys()].sort()).toEqual([
      "attention_backward_key_rolled",
      "attention_backward_query_rolled",
      "attention_forward_rolled",
      "attention_row_stats",
    ]);
  });
});

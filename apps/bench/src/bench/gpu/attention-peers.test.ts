import { expect, test } from "vitest";
import { attentionPeers, type Case, documentBounds } from "./attention-peers.ts";
import { benchBranches } from "./patterns.ts";

const run: Case = {
  op: "dilated",
  N: 8_192,
  H: 12,
  dtype: "f16",
  causal: true,
  backward: false,
  branches: benchBranches(8_192),
};

test("LongNet's attention: eager, and compiled with both kernels", () => {
  const peers = attentionPeers(run);
  expect(peers.map(([who]) => who)).toEqual([
    "PyTorch (torchscale's LongNet, FlashAttention-2)",
    "PyTorch (compiled, FlashAttention-2)",
    "PyTorch (compiled, cuDNN)",
  ]);
  expect(peers.map(([, { kernel, compiled }]) => [kernel, compiled])).toEqual([
    [undefined, undefined],
    ["flash", true],
    ["cudnn", true],
  ]);
  for (const [, request] of peers)
    expect(request).toMatchObject({
      kind: "dilated",
      N: 8_192,
      causal: true,
      branches: [
        [2_048, 1],
        [4_096, 2],
        [8_192, 4],
      ],
    });
});

test("dense: each kernel of PyTorch, and FlexAttention alone where documents are packed", () => {
  const dense: Case = { ...run, op: "dense", branches: [{ segment: 8_192, dilation: 1 }] };
  expect(attentionPeers(dense).map(([, { kind, kernel, mask }]) => [kind, kernel ?? mask])).toEqual([
    ["dense", "flash"],
    ["dense", "cudnn"],
    ["flex", "causal"],
  ]);
  const cuSeqlens = documentBounds(8_192);
  expect(attentionPeers({ ...dense, cuSeqlens }).map(([, request]) => request)).toMatchObject([
    { kind: "flex", mask: "documents", documents: cuSeqlens },
  ]);
});

test("documents cover all tokens, and differ in length", () => {
  for (const N of [100, 8_192]) {
    const bounds = documentBounds(N);
    expect([bounds[0], bounds.at(-1)]).toEqual([0, N]);
    expect(bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] as number))).toBe(true);
  }
  expect(documentBounds(8_192).length).toBeGreaterThan(5);
});

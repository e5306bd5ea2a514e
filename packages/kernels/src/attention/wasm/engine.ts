import { cast, type Device, fill, type KernelDefinition, type Tensor } from "@dilated/core";
import { sub } from "../../elementwise/binary.ts";
import { cached, uploadTable } from "../../shared/device-cache.ts";
import {
  type AttentionEngine,
  type AttentionGradients,
  type AttentionOperands,
  type AttentionPull,
  type AttentionState,
  branchAlone,
  isDetached,
} from "../op/engine.ts";
import type { ResolvedAttention, ResolvedBranch } from "../op/options.ts";
import { EMPTY_LSE } from "../oracle/reference.ts";
import { BLOCK_WORDS, backwardLaunches } from "../schedule/dilated/backward-launches.ts";
import { CHUNK_WORDS, planChunks } from "../schedule/dilated/chunks.ts";
import { branchBackward, branchForward, rowDot } from "./kernels.ts";
import {
  attentionBackwardLayout,
  attentionForwardLayout,
  BACKWARD_BLOCK_ROWS,
  FORWARD_CHUNK_ROWS,
  OFFSET_MODE,
} from "./layout.ts";

/** Attention on the CPU: one pass a branch, merged as it goes. The kernels are f32; f16 operands are widened on the way in and rounded on the way out. */
export const wasmEngine: AttentionEngine = {
  forward(operands, resolved) {
    if (operands.q.dtype === "f32") return forward(operands, resolved);
    const wide = widen(operands);
    const { out, lse } = forward(wide, resolved);
    const rounded = cast(out, "f16");
    for (const tensor of [wide.q, wide.k, wide.v, out]) tensor.dispose();
    return { out: rounded, lse };
  },
  backward(operands, pull, resolved) {
    if (operands.q.dtype === "f32") return backward(operands, pull, resolved);
    const wide = widen(operands);
    const [out, dout] = [cast(pull.out, "f32"), cast(pull.dout, "f32")];
    const grads = backward(wide, { ...pull, out, dout }, resolved);
    const rounded = Object.entries(grads).map(([name, grad]) => [name, grad && cast(grad, "f16")]);
    for (const tensor of [wide.q, wide.k, wide.v, out, dout, ...Object.values(grads)]) tensor?.dispose();
    return Object.fromEntries(rounded) as unknown as AttentionGradients;
  },
};

/** Tokens of a work item of the row-dot kernel. */
const DOT_TOKENS = 64;

interface BranchTables {
  readonly tables: readonly Tensor[];
}

function forward(operands: AttentionOperands, resolved: ResolvedAttention): AttentionState {
  const { q, k, v, mask } = operands;
  const { device } = q;
  const { B, D } = resolved;
  const out = fill(device.empty(q.shape, { label: "attention out" }), 0);
  const lse = fill(device.empty([B, resolved.H, resolved.N], { label: "attention lse" }), EMPTY_LSE);
  const { tables } = cached<BranchTables>(device, tableKey("chunks", resolved), () => ({
    tables: planChunks(resolved, { rows: FORWARD_CHUNK_ROWS }).map(({ table }) =>
      uploadTable(device, table, "attention plan"),
    ),
  }));
  resolved.branches.forEach((branch, i) => {
    const table = tables[i] as Tensor;
    const count = table.size / CHUNK_WORDS;
    const sizes = { B, D, h0: branch.headStart, h1: branch.headEnd, chunkCount: count };
    device.run(branchForward, {
      tensors: { q, k, v, out, lse, mask, table },
      // Rows without a key yet have lse EMPTY, which the merge takes as "store".
      scalars: { ...branchScalars(resolved, branch), count, merge: 1 },
      groups: 0,
      items: attentionForwardLayout.items(sizes),
      scratchBytes: attentionForwardLayout.scratchBytes(sizes),
    });
  });
  return { out, lse };
}

function backward(operands: AttentionOperands, pull: AttentionPull, resolved: ResolvedAttention): AttentionGradients {
  const { q, k, v, mask } = operands;
  const { device } = q;
  const { B, G, D } = resolved;
  const zeros = (like: Tensor, label: string): Tensor => fill(device.empty(like.shape, { label }), 0);
  const grads = { dq: zeros(q, "dq"), dk: zeros(k, "dk"), dv: zeros(v, "dv") };
  let delta = isDetached(resolved) ? undefined : deltaOf(pull.out, pull, resolved);
  resolved.branches.forEach((branch, i) => {
    if (isDetached(resolved)) {
      delta?.dispose();
      const alone = forward(operands, branchAlone(resolved, i));
      delta = deltaOf(alone.out, pull, resolved);
      alone.out.dispose();
      alone.lse.dispose();
    }
    for (const table of blockTables(device, resolved, i)) {
      const count = table.size / BLOCK_WORDS;
      const sizes = { B, G, D, blockCount: count };
      device.run(branchBackward, {
        tensors: { q, k, v, dout: pull.dout, lse: pull.lse, delta: delta as Tensor, ...grads, mask, table },
        scalars: { ...branchScalars(resolved, branch), count },
        groups: 0,
        items: attentionBackwardLayout.items(sizes),
        scratchBytes: attentionBackwardLayout.scratchBytes(sizes),
      });
    }
  });
  delta?.dispose();
  return grads;
}

/** Tables of the launches of a branch's gradient; see `backwardLaunches`. */
function blockTables(device: Device, resolved: ResolvedAttention, index: number): readonly Tensor[] {
  return cached<BranchTables>(device, `${tableKey("blocks", resolved)}${index}`, () => {
    const chunks = planChunks(branchAlone(resolved, index), { rows: BACKWARD_BLOCK_ROWS }).slice(0, 1);
    const launches = chunks.flatMap((table) => backwardLaunches(table, resolved.causal));
    return { tables: launches.map(({ table }) => uploadTable(device, table, "attention plan")) };
  }).tables;
}

/** rowsum(dout * out) - dlse, [B, H, N]. */
function deltaOf(out: Tensor, { dout, dlse }: AttentionPull, { B, N, H, D }: ResolvedAttention): Tensor {
  const { device } = out;
  const delta = device.empty([B, H, N], { label: "attention delta" });
  const scalars = { batch: B, tokens: N, heads_q: H, width: D, item_tokens: DOT_TOKENS };
  device.run(rowDot, { tensors: { out, dout, delta }, scalars, groups: 0, items: Math.ceil((B * N) / DOT_TOKENS) });
  if (!dlse) return delta;
  const less = sub(delta, dlse);
  delta.dispose();
  return less;
}

type BranchScalar = Exclude<
  typeof branchForward extends KernelDefinition<string, infer P> ? P : never,
  "count" | "merge"
>;

function branchScalars(resolved: ResolvedAttention, branch: ResolvedBranch): Record<BranchScalar, number> {
  const { B, N, H, G, D, causal, dropout, scale, headOffset, outScale } = resolved;
  return {
    batch: B,
    tokens: N,
    heads_q: H,
    heads_kv: G,
    width: D,
    r: branch.r,
    offset_mode: headOffset === "branch" ? OFFSET_MODE.explicit : OFFSET_MODE[headOffset],
    offset: branch.offsets[branch.headStart] ?? 0,
    head_begin: branch.headStart,
    head_end: branch.headEnd,
    causal: Number(causal),
    mask_bytes: 4,
    threshold: dropout?.threshold ?? 0,
    seed_low: dropout?.seedLow ?? 0,
    seed_high: dropout?.seedHigh ?? 0,
    token_base: 0,
    dropout_domain: dropout?.domain ?? 0,
    scale,
    keep_scale: (dropout?.keepScale ?? 1) * outScale,
  };
}

function tableKey(kind: string, { B, N, G, branches, sequences, zeroPad, causal }: ResolvedAttention): string {
  return JSON.stringify([kind, B, N, G, branches.map(({ w, r }) => [w, r]), sequences, zeroPad, causal]);
}

function widen({ q, k, v, mask }: AttentionOperands): AttentionOperands {
  return { q: cast(q, "f32"), k: cast(k, "f32"), v: cast(v, "f32"), mask };
}

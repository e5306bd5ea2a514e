import {
  ConfigError,
  cast,
  checkCall,
  DtypeError,
  field,
  formatShape,
  ShapeError,
  sameShape,
  type Tensor,
} from "@dilated/core";
import { fitsBinding } from "../../shared/blocks.ts";
import { putRuns, takeRuns } from "../../shared/parts.ts";
import { attentionMerge, MERGE_ROWS, MERGE_TOKENS } from "../webgpu/merge/merge.ts";
import type { AttentionResult } from "./dilated-attention.ts";

const PART = field.object({ out: field.tensor(), lse: field.tensor() });
const ARGUMENTS = { a: PART, b: PART, more: field.list(PART) };

/** Tokens are bound in windows that begin at multiples of this, so that every offset is a multiple of 256 bytes. */
const ALIGN = 64;

/**
 * Attention over the union of sets of keys, from the attention over each: the softmax weights of the parts follow from
 * their `lse`. Rows that one part does not have (`lse` -1e30) come from the others. Makes new tensors; merged in f32,
 * in the order given, so that the same parts give the same bits.
 *
 * @param a - out `[B, N, H, D]`, lse `[B, H, N]`
 * @param b - the same shapes and dtypes
 * @param more - any number of others
 * @throws ShapeError, DtypeError - the parts do not fit together
 * @throws ConfigError - a gradient would have to flow through: differentiate one `dilatedAttention` over the union instead
 *
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { dilatedAttention, mergeAttention } from "@dilated/kernels";
 * const device = await openDevice();
 * const [q, k, v] = [1, 2, 3].map((seed) => device.randomNormal([1, 256, 4, 16], { seed }));
 * const [near, far] = [[{ segment: 32, dilation: 1 }], [{ segment: 256, dilation: 4 }]];
 * const whole = mergeAttention(dilatedAttention(q, k, v, { branches: near }), dilatedAttention(q, k, v, { branches: far }));
 * device.dispose();
 * ```
 */
export function mergeAttention(
  a: AttentionResult,
  b: AttentionResult,
  ...more: readonly AttentionResult[]
): AttentionResult {
  checkCall("mergeAttention", ARGUMENTS, [a, b, more]);
  const others = [b, ...more];
  for (const other of others) checkParts(a, other);
  const { device, dtype } = a.out;
  return device.scope(() => {
    // One rounding to f16, at the end.
    const state = { out: dtype === "f32" ? copyOf(a.out) : cast(a.out, "f32"), lse: copyOf(a.lse) };
    for (const other of others) {
      mergeInto(state, device.info.backend === "wasm" ? { ...other, out: cast(other.out, "f32") } : other);
    }
    return { out: cast(state.out, dtype as "f32" | "f16"), lse: state.lse };
  });
}

function copyOf(tensor: Tensor): Tensor {
  const copy = tensor.device.empty(tensor.shape, { dtype: tensor.dtype, label: "attention" });
  tensor.device.copy(tensor, copy);
  return copy;
}

/** Merges b into a state in f32, in place. */
function mergeInto({ out, lse }: AttentionResult, b: AttentionResult): void {
  const [B, N, H, D] = out.shape as [number, number, number, number];
  mergeTokens({ out, lse }, b, { B, N, H, D });
}

type Sizes = Readonly<Record<"B" | "N" | "H" | "D", number>>;

function mergeTokens({ out, lse }: AttentionResult, b: AttentionResult, sizes: Sizes): void {
  const { device } = out;
  const { B, N, H, D } = sizes;
  if (!fitsBinding(device, lse)) return mergeHalves({ out, lse }, b, sizes);
  const tokens = B * N;
  const most = Math.floor(device.limits.maxBindingBytes / (out.byteLength / tokens) / ALIGN) * ALIGN;
  const step = most >= tokens || device.info.backend === "wasm" ? tokens : Math.max(ALIGN, most);
  for (let begin = 0; begin < tokens; begin += step) {
    const count = Math.min(step, tokens - begin);
    const bind = (tensor: Tensor) =>
      count === tokens ? tensor : { tensor, offset: begin * H * D, length: count * H * D };
    device.run(attentionMerge, {
      tensors: { out: bind(out), lse, out_b: bind(b.out), lse_b: b.lse },
      scalars: {
        batch: B,
        tokens: N,
        heads: H,
        width: D,
        item_tokens: MERGE_TOKENS,
        rows: count * H,
        row_begin: begin * H,
      },
      groups: Math.ceil((count * H) / MERGE_ROWS),
      items: Math.ceil(tokens / MERGE_TOKENS),
    });
  }
}

/** Half of the batch rows at a time, or of the tokens, where lse is longer than a binding: it is bound as a whole. */
function mergeHalves(a: AttentionResult, b: AttentionResult, sizes: Sizes): void {
  const { B, N, H } = sizes;
  const total = B > 1 ? B : N;
  const half = Math.ceil(total / 2);
  for (const begin of [0, half]) {
    const part = { lead: 1, total, begin, count: Math.min(half, total - begin) };
    const partOfLse = { ...part, lead: B > 1 ? 1 : H };
    const take = ({ out, lse }: AttentionResult) => ({ out: takeRuns(out, part), lse: takeRuns(lse, partOfLse) });
    const state = take(a);
    mergeTokens(state, take(b), { ...sizes, [B > 1 ? "B" : "N"]: part.count });
    putRuns(state.out, a.out, part);
    putRuns(state.lse, a.lse, partOfLse);
  }
}

function checkParts(a: AttentionResult, b: AttentionResult): void {
  const [B, N, H] = a.out.shape;
  const fits =
    a.out.rank === 4 &&
    sameShape(a.out.shape, b.out.shape) &&
    [a, b].every(({ lse }) => sameShape(lse.shape, [B ?? 0, H ?? 0, N ?? 0]));
  if (!fits) {
    throw new ShapeError("mergeAttention: the parts do not fit together", {
      details: [a, b].map(({ out, lse }) => `out ${formatShape(out.shape)}, lse ${formatShape(lse.shape)}`),
      fix: "pass two results for the same queries: out [B, N, H, D] and lse [B, H, N]",
    });
  }
  const { dtype, device } = a.out;
  if (dtype !== b.out.dtype || (dtype !== "f32" && dtype !== "f16") || a.lse.dtype !== "f32" || b.lse.dtype !== "f32") {
    throw new DtypeError("mergeAttention: out must be f32 or f16, alike in both parts, and lse f32", {
      details: [`out: ${dtype} and ${b.out.dtype}`],
    });
  }
  if ([a.out, a.lse, b.out, b.lse].some((tensor) => device.tape?.tracks(tensor.id))) {
    throw new ConfigError("mergeAttention: merging has no gradient", {
      fix: "call dilatedAttention once with the branches of both, or merge what stopGradient() gives",
    });
  }
}

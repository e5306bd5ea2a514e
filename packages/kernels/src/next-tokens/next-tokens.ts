import {
  ConfigError,
  checkCall,
  DtypeError,
  defineKernel,
  type FieldsOf,
  field,
  type KernelDefinition,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import type { KeyMask } from "../attention/op/dilated-attention.ts";
import { describe } from "../shared/check.ts";
import { MASK, maskTensor } from "../shared/masks.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./next-tokens.wgsl";

/** Which tokens {@link nextTokens} leaves out. */
export interface NextTokensOptions {
  /**
   * Padding is 0: neither predicted nor predicted from. [B, N + 1], one value a token; or [B, N], one value an input,
   * where the last token counts if the
   * input before it does. @defaultValue every token counts
   */
  readonly keyMask?: KeyMask | undefined;
  /**
   * Boundaries of documents packed along the tokens, from 0 to N + 1 (or to N): no document predicts the first token of
   * the next. @defaultValue one document
   */
  readonly cuSeqlens?: readonly number[] | Int32Array | undefined;
}

/** The target that counts for nothing in `crossEntropy` and `linearCrossEntropy`. */
const IGNORED = -1;
/** The same in PyTorch, and so in the labels that people have. */
const FOREIGN = -100;

const nextTokensKernel: KernelDefinition<
  "labels" | "starts" | "mask" | "targets",
  "length" | "rows" | "masked" | "foreign" | "ignored"
> = defineKernel({
  name: "nextTokens",
  tensors: {
    labels: { access: "read", view: "scalar" },
    starts: { access: "read", view: "scalar", dtype: "u32", optional: true },
    mask: { access: "read", view: "scalar", dtype: "u32", optional: true },
    targets: { access: "write", view: "scalar" },
  },
  scalars: { length: "u32", rows: "u32", masked: "u32", foreign: "i32", ignored: "i32" },
  wgsl: { source },
  wasm: { module: kernelsModule, entry: "nextTokens" },
});

const LANES = 256;
/** Bytes of a label, and of everything beside it. */
const WORD = 4;

const OPTIONS: FieldsOf<NextTokensOptions> = {
  keyMask: field.optional(MASK),
  cuSeqlens: field.optional(field.numbers()),
};
const ARGUMENTS = { labels: field.tensor("[B, N + 1]"), options: field.options<NextTokensOptions>(OPTIONS) };

/**
 * Targets of next-token prediction: labels [B, N + 1] (the tokens themselves, or tokens with -100 where nothing is to
 * be learnt) -> [B, N] (i32), shifted by
 * one, -1 where nothing is predicted: labels of -1 and -100, padding, and the first token of each packed document.
 *
 * @param labels - i32 or u32
 * @throws ShapeError, DtypeError, ConfigError for masks and boundaries that do not fit.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { nextTokens } from "@dilated/kernels";
 * const device = await openDevice();
 * const tokens = device.tensor([5, 6, 7, 8, 9], [1, 5], { dtype: "i32" });
 * console.log(await nextTokens(tokens, { cuSeqlens: [0, 3, 5] }).data()); // 6, 7, -1, 9
 * device.dispose();
 * ```
 */
export function nextTokens(labels: Tensor, options: NextTokensOptions = {}): Tensor {
  checkCall("nextTokens", ARGUMENTS, arguments);
  const [B = 0, tokens = 0] = labels.shape;
  const N = tokens - 1;
  if (labels.rank !== 2 || N < 1) {
    throw new ShapeError("nextTokens: labels must be [B, N + 1] with N >= 1", {
      details: describe({ labels }),
      fix: "pass one more token than the context",
    });
  }
  if (labels.dtype !== "i32" && labels.dtype !== "u32") {
    throw new DtypeError("nextTokens: labels must be i32 or u32", {
      details: describe({ labels }),
      fix: 'make them with { dtype: "i32" }',
    });
  }
  const { device } = labels;
  const { keyMask, cuSeqlens } = options;
  return device.scope(() => {
    const mask = keyMask && maskTensor("nextTokens", device, keyMask, B, [N, tokens]);
    const bounds = cuSeqlens && startsOf(cuSeqlens, N);
    const starts = bounds && device.tensor(bounds, [tokens], { dtype: "u32", label: "document starts" });
    const targets = device.empty([B, N], { dtype: "i32", label: "targets" });
    const call = { labels, starts, mask, targets };
    if (B * tokens * WORD <= device.limits.maxBindingBytes) launch(call, B, N);
    else for (let b = 0; b < B; b++) launchInPieces(call, b);
    return targets;
  });
}

interface Tensors {
  readonly labels: Tensor;
  readonly starts: Tensor | undefined;
  readonly mask: Tensor | undefined;
  readonly targets: Tensor;
}

function launch(tensors: Tensors, B: number, N: number): void {
  tensors.labels.device.run(nextTokensKernel, {
    tensors,
    scalars: { length: N, rows: B, masked: (tensors.mask?.size ?? 0) / B, foreign: FOREIGN, ignored: IGNORED },
    constants: { LANES },
    groups: Math.ceil((B * N) / LANES),
    items: B,
  });
}

/**
 * One row of what is longer than one binding. Pieces overlap by a token, so they start anywhere, and are copied out.
 */
function launchInPieces({ labels, starts, mask, targets }: Tensors, b: number): void {
  const { device } = labels;
  const [tokens = 0, masked = 0] = [labels.shape[1], mask?.shape[1]];
  const N = tokens - 1;
  const most = Math.floor(device.limits.maxBindingBytes / WORD) - 1;
  for (let first = 0; first < N; first += most) {
    const count = Math.min(most, N - first);
    const piece = (tensor: Tensor, from: number, length: number): Tensor => {
      const copy = device.empty([length], { dtype: tensor.dtype, label: tensor.label });
      device.copy(tensor, copy, { from, count: length });
      return copy;
    };
    device.scope(() => {
      const found = device.empty([count], { dtype: "i32", label: "targets" });
      const known = Math.min(count + 1, masked - first);
      const parts = {
        labels: piece(labels, b * tokens + first, count + 1),
        starts: starts && piece(starts, first, count + 1),
        mask: mask && piece(mask, b * masked + first, known),
        targets: found,
      };
      launch(parts, 1, count);
      device.copy(found, targets, { to: b * N + first });
    });
  }
}

/** [N + 1]: 1 where a document starts. */
function startsOf(cuSeqlens: readonly number[] | Int32Array, N: number): Uint32Array {
  const bounds: readonly unknown[] = Array.isArray(cuSeqlens) || ArrayBuffer.isView(cuSeqlens) ? [...cuSeqlens] : [];
  const last = Number(bounds.at(-1));
  const rising = bounds.every(
    (bound, i) => Number.isInteger(bound) && (i === 0 || Number(bound) > Number(bounds[i - 1])),
  );
  if (bounds.length < 2 || bounds[0] !== 0 || (last !== N && last !== N + 1) || !rising) {
    throw new ConfigError("nextTokens: cuSeqlens must rise from 0 to the number of tokens", {
      details: [`given: [${bounds.join(", ")}]`, `tokens: ${N + 1} (or ${N} without the last one)`],
      fix: "pass where each document starts, and the number of tokens",
    });
  }
  const starts = new Uint32Array(N + 1);
  for (const bound of bounds as number[]) if (bound < last || last === N + 1) starts[bound] = 1;
  return starts;
}

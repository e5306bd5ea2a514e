import { apply, checkCall, DtypeError, field, ShapeError, Tensor } from "@dilated/core";
import {
  type DilatedAttentionOptions,
  type ResolvedAttention,
  resolveAttentionOptions,
  type Shaped,
} from "../pattern/options.ts";
import { ATTENTION_OPTIONS, KEY_MASK, OPERANDS } from "../pattern/validate.ts";
import { deviceCall } from "./call.ts";
import { attentionOp } from "./operation.ts";

const ARGUMENTS = {
  ...OPERANDS,
  options: field.options<DilatedAttentionCall>({ ...ATTENTION_OPTIONS, keyMask: KEY_MASK }),
};

/** `[B, M]` as a u32 tensor, or as B·M numbers or booleans in row-major order; 0 and false hide a key. */
export type KeyMask = Tensor | ArrayLike<number | boolean>;

/** Options of {@link dilatedAttention}. */
export interface DilatedAttentionCall extends Omit<DilatedAttentionOptions, "keyMask"> {
  /**
   * `[B, M]`: keys that are 0 take part in no softmax. A row that sees no key gives 0. @defaultValue every key counts
   */
  readonly keyMask?: KeyMask | undefined;
}

/** What {@link dilatedAttention} gives. */
export interface AttentionResult {
  /** `[B, N, H, Dv]`, dtype of q. Rows that see no key are 0. */
  readonly out: Tensor;
  /** `[B, H, N]`, f32: natural logarithm of the sum of exp(scale·q·k) over the keys of the row; -1e30 where there are none. */
  readonly lse: Tensor;
}

/**
 * Dilated attention: exact softmax attention over the union of the branches' keys, in O(N) memory. Queued; differentiable in q, k and v through `out`
 * and through `lse`. The definition is in {@link DilatedAttentionOptions}.
 *
 * @param q - `[B, N, H, D]`, f32 or f16; D a multiple of 4 up to 256
 * @param k - `[B, M, G, D]` of the same dtype; G divides H, and query head h reads head floor(h / (H / G))
 * @param v - `[B, M, G, Dv]`, like k but for the head dim, which may be another one; Dv a multiple of 4 up to 256
 * @throws ShapeError, DtypeError, DeviceError - the tensors do not fit together
 * @throws ConfigError - an option is wrong; lists every bad field
 * @throws LimitError - D or Dv is over 256, or a segment of one head (of all of them, with dropout) is longer than one
 * binding of the device
 * @see Ding et al., "LongNet: Scaling Transformers to 1,000,000,000 Tokens" (arXiv 2307.02486)
 *
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { dilatedAttention, geometricBranches } from "@dilated/kernels";
 * const device = await openDevice();
 * const q = device.randomNormal([1, 4_096, 8, 64], { seed: 1 });
 * const { out } = dilatedAttention(q, q, q, { branches: geometricBranches({ from: 512, to: 4_096 }), causal: true });
 * console.log((await out.data()).length); // 2097152
 * device.dispose();
 * ```
 */
export function dilatedAttention(q: Tensor, k: Tensor, v: Tensor, options: DilatedAttentionCall): AttentionResult {
  checkCall("dilatedAttention", ARGUMENTS, arguments);
  return runAttention("dilatedAttention", q, k, v, options);
}

/** What `dilatedAttention` and `attention` share; `caller` names the public function in errors. */
export function runAttention(
  caller: string,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: DilatedAttentionCall,
): AttentionResult {
  checkOperands(caller, { q, k, v });
  const { keyMask } = options;
  const shaped: DilatedAttentionOptions<Shaped> = {
    ...options,
    keyMask: keyMask === undefined ? undefined : shapeOfMask(caller, k, keyMask),
  };
  const resolved = resolveAttentionOptions(caller, { q: q.shape, k: k.shape, v: v.shape }, shaped);
  // A scope, which frees a mask that was made of a list; the tape keeps a handle of its own.
  return q.device.scope(() => {
    const mask = keyMask === undefined ? undefined : maskTensor(q, resolved, keyMask);
    const [out, lse] = apply(attentionOp, [q, k, v, mask], deviceCall(q.device, resolved, caller)) as [Tensor, Tensor];
    return { out, lse };
  });
}

/** One floating-point dtype for all. */
export function checkOperands(caller: string, operands: Readonly<Record<"q" | "k" | "v", Tensor>>): void {
  const { q } = operands;
  for (const tensor of Object.values(operands)) {
    if (tensor.dtype !== q.dtype || (tensor.dtype !== "f32" && tensor.dtype !== "f16")) {
      throw new DtypeError(`${caller}: q, k and v must be all f32 or all f16`, {
        details: Object.entries(operands).map(([key, { dtype }]) => `${key}: ${dtype}`),
        fix: 'cast(x, "f32") or cast(x, "f16")',
      });
    }
  }
}

/** The shape by which options are checked: an array has none of its own, so its length has to fit. */
export function shapeOfMask(caller: string, k: Tensor, mask: KeyMask): Shaped {
  if (mask instanceof Tensor) {
    if (mask.dtype !== "u32")
      throw new DtypeError(`${caller}: keyMask must be u32, not ${mask.dtype}`, {
        fix: "pass an array of booleans or 0 and 1",
      });
    return mask;
  }
  const [B = 0, M = 0] = k.shape;
  if (typeof mask?.length !== "number" || mask.length !== B * M) {
    throw new ShapeError(`${caller}: keyMask must hold B·M = ${B * M} values`, {
      details: [`given: ${String(mask?.length)}`],
      fix: "pass one value a token, row by row",
    });
  }
  return { shape: [B, M] };
}

/** The mask on the device: itself, or a tensor that the caller disposes of. */
export function maskTensor({ device }: Tensor, { B, M }: Pick<ResolvedAttention, "B" | "M">, mask: KeyMask): Tensor {
  if (mask instanceof Tensor) return mask;
  return device.tensor(
    Uint32Array.from(mask, (value) => (value ? 1 : 0)),
    [B, M],
    { dtype: "u32", label: "key mask" },
  );
}

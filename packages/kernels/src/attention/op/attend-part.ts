import {
  ConfigError,
  checkCall,
  DtypeError,
  field,
  formatShape,
  ShapeError,
  sameShape,
  type Tensor,
} from "@dilated/core";
import type { AttentionCall, AttentionOperands, AttentionPull, AttentionState, ForwardTarget } from "../engine.ts";
import { type DilatedAttentionOptions, resolveDropout } from "../pattern/options.ts";
import {
  ATTENTION_OPTIONS,
  checkLengths,
  checkMaskShape,
  checkShapes,
  KEY_MASK,
  OPERANDS,
} from "../pattern/validate.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { checkOperands, type KeyMask, maskTensor, shapeOfMask } from "./dilated-attention.ts";
import { engineOf } from "./operation.ts";

/** What {@link attendPart} and {@link attendPartBackward} are told alike. */
export interface PartOptions extends Pick<DilatedAttentionOptions, "scale" | "softcap" | "dropout"> {
  /** Which keys each query sees: what `dilated` makes, or a schedule of your own. Plans are kept by its identity. */
  readonly schedule: Schedule;
  /** `[B, M]`: keys that are 0 take part in no softmax. @defaultValue every key counts */
  readonly keyMask?: KeyMask | undefined;
}

/** Gradients of the operands: dq `[B, N, H, D]`; dk `[B, M, G, D]`; dv `[B, M, G, Dv]`. */
export interface PartGradients {
  readonly dq: Tensor;
  readonly dk: Tensor;
  readonly dv: Tensor;
}

/** What {@link attendPartBackward} goes back from. */
export interface PartPull extends AttentionState {
  /** Gradient of `out`, `[B, N, H, Dv]`, dtype of q. */
  readonly dout: Tensor;
  /** Gradient of `lse`, `[B, H, N]`, f32. @defaultValue 0 */
  readonly dlse?: Tensor | undefined;
}

const { scale, softcap, dropout } = ATTENTION_OPTIONS;
/** Rows of what a schedule must have; what its functions give is up to who wrote it. */
const isSchedule = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false;
  const { N, M, H, G, text, launches, whole, forwardPasses, backwardPasses } = value as Partial<Schedule>;
  return (
    [N, M, H, G].every((count) => Number.isSafeInteger(count) && (count as number) >= 1) &&
    typeof text?.source === "string" &&
    [launches, whole, forwardPasses, backwardPasses].every((give) => typeof give === "function")
  );
};
const SHARED = {
  schedule: field.custom<Schedule>("a schedule, such as dilated() makes", isSchedule),
  scale,
  softcap,
  dropout,
  keyMask: KEY_MASK,
};
const STATE = { out: field.tensor(), lse: field.tensor() };
const GRADIENT = field.optional(field.tensor());
const FORWARD = {
  ...OPERANDS,
  options: field.options({
    ...SHARED,
    into: field.optional(field.object(STATE)),
    dtype: field.optional(field.oneOf(["f32", "f16"])),
  }),
};
const BACKWARD = {
  ...OPERANDS,
  pull: field.object({ ...STATE, dout: field.tensor(), dlse: GRADIENT }),
  options: field.options({
    ...SHARED,
    into: field.optional(field.object({ dq: GRADIENT, dk: GRADIENT, dv: GRADIENT })),
  }),
};

/**
 * Attention of q over the keys that a schedule names, which may be some of all: `lse` says how much they weigh, and
 * `into` merges them with what other keys gave. Queued, O(N) memory; no gradient flows through it by itself: see
 * {@link attendPartBackward}.
 *
 * @param q - `[B, N, H, D]`, f32 or f16; D a multiple of 4 up to 256
 * @param k - `[B, M, G, D]` of the same dtype; G divides H, and query head h reads head floor(h / (H / G))
 * @param v - `[B, M, G, Dv]`; Dv, a multiple of 4 up to 256, may be another head dim than D
 * @param options - what {@link PartOptions} says, and where the result goes, as {@link ForwardTarget} says: `dtype:
 * "f32"` where f16 parts are merged later, so that nothing is rounded on the way
 * @returns `out` `[B, N, H, Dv]` and `lse` `[B, H, N]` in f32, natural logarithm; `into` itself where it was given. A
 * row that saw no key has `out` 0 and `lse` -1e30.
 * @throws ShapeError - the schedule was made for other lengths or heads, or the tensors do not fit together
 * @throws DtypeError, DeviceError, DisposedError - as {@link dilatedAttention}
 * @throws ConfigError - an option is wrong, or a gradient would have to flow through
 * @throws LimitError - D is over 256, or what the schedule keeps together of one head (of all of them, with dropout, or
 * where the schedule has no `heads`) is longer than one binding of the device
 * @see Milakov and Gimelshein, "Online normalizer calculation for softmax" (arXiv 1805.02867), whose sums are merged
 *
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { attendPart, dilated } from "@dilated/kernels/attention";
 * const device = await openDevice();
 * const [q, near, far] = [1, 2, 3].map((seed) => device.randomNormal([1, 64, 4, 16], { seed }));
 * const schedule = dilated({ N: 64, H: 4 }, { branches: [{ segment: 64, dilation: 1 }] });
 * const state = attendPart(q, near, near, { schedule, dtype: "f32" });
 * attendPart(q, far, far, { schedule, into: state }); // now over 128 keys
 * device.dispose();
 * ```
 */
export function attendPart(q: Tensor, k: Tensor, v: Tensor, options: PartOptions & ForwardTarget): AttentionState {
  checkCall("attendPart", FORWARD, arguments);
  return q.device.scope(() => ({ ...forward({ q, k, v }, options) }));
}

function forward(tensors: Operands, options: PartOptions & ForwardTarget): AttentionState {
  const { q, k, v } = tensors;
  const { into, dtype } = options;
  const part = partOf("attendPart", tensors, options);
  if (into) checkState(part, into);
  if (into && dtype && dtype !== into.out.dtype) {
    throw new ConfigError(`attendPart: dtype is "${dtype}", but into.out is ${into.out.dtype}`, {
      fix: "leave dtype out: what is merged into keeps its own",
    });
  }
  if (dtype) checkResult(part, "dtype", dtype);
  refuseTape(part.call.caller, { q, k, v, ...(into && { "into.out": into.out, "into.lse": into.lse }) });
  return engineOf(q.device).forward(part.operands, part.call, { into, dtype });
}

/**
 * Gradients of a part. Given the `out` and `lse` of all parts together, its weights P = exp(scale·q·k - lse) are those
 * of the joint softmax, so that the gradients of the parts add up to those of the whole: dS = P·(dO·v - dO·out + dlse).
 * Queued, deterministic.
 *
 * @param q - `[B, N, H, D]`, as it was given to {@link attendPart}; k and v likewise
 * @param k - `[B, M, G, D]`
 * @param v - like k
 * @param pull - `out` and `lse` of all parts together, and the gradient `dout` of that `out`
 * @param options - those that the part was computed with; `into` holds gradients that are added to, in place, each f32
 * or of q's dtype, and those that are left out are made. `dk` and `dv` are given together.
 * @returns the gradients; those of `into` where they were given
 * @throws as {@link attendPart}
 */
export function attendPartBackward(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  pull: PartPull,
  options: PartOptions & { readonly into?: Partial<PartGradients> | undefined },
): PartGradients {
  checkCall("attendPartBackward", BACKWARD, arguments);
  return q.device.scope(() => ({ ...backward({ q, k, v }, pull, options) }));
}

function backward(tensors: Operands, pull: PartPull, options: Parameters<typeof attendPartBackward>[4]): PartGradients {
  const { q, k, v } = tensors;
  const part = partOf("attendPartBackward", tensors, options);
  const { out, lse, dout, dlse } = pull;
  const { dq, dk, dv } = options.into ?? {};
  checkState(part, pull);
  expectLike(part, "dout", dout, out.shape, [q.dtype]);
  if (dlse) expectLike(part, "dlse", dlse, lse.shape, ["f32"]);
  if ((dk === undefined) !== (dv === undefined)) {
    throw new ConfigError("attendPartBackward: into.dk and into.dv must be given together, or neither", {
      fix: "give both: one launch adds to both",
    });
  }
  const sums = ["f32", q.dtype];
  if (dq) expectLike(part, "into.dq", dq, q.shape, sums);
  if (dk) expectLike(part, "into.dk", dk, k.shape, sums);
  if (dv) expectLike(part, "into.dv", dv, v.shape, dk ? [dk.dtype] : sums);
  refuseTape(part.call.caller, { q, k, v, out, lse, dout });
  const engine = engineOf(q.device);
  const all: AttentionPull = { out, lse, dout, dlse, needsQuery: true, needsKey: true };
  return engine.backward(part.operands, all, part.call, { dq, dk, dv }) as PartGradients;
}

type Operands = Omit<AttentionOperands, "mask">;

/** A part, checked: what the engine takes. */
interface Part {
  readonly call: AttentionCall;
  readonly operands: AttentionOperands;
}

function partOf(caller: string, tensors: Operands, options: PartOptions): Part {
  const { q, k, v } = tensors;
  const { schedule, keyMask } = options;
  checkShapes(caller, { q: q.shape, k: k.shape, v: v.shape });
  checkOperands(caller, { q, k, v });
  const [B, N, H, D] = q.shape as [number, number, number, number];
  const [, M, G] = k.shape as [number, number, number];
  const Dv = v.shape[3] as number;
  checkLengths(caller, { B, N, M, H });
  if (schedule.N !== N || schedule.M !== M || schedule.H !== H || schedule.G !== G) {
    throw new ShapeError(`${caller}: the schedule was made for other tensors`, {
      details: [
        `schedule: N = ${schedule.N}, M = ${schedule.M}, H = ${schedule.H}, G = ${schedule.G}`,
        `q: ${formatShape(q.shape)}; k: ${formatShape(k.shape)}`,
      ],
      fix: `make a schedule for N = ${N}, M = ${M}, H = ${H}, G = ${G}`,
    });
  }
  if (keyMask !== undefined) checkMaskShape(caller, shapeOfMask(caller, k, keyMask).shape, [B, M]);
  const mask = keyMask === undefined ? undefined : maskTensor(q, { B, M }, keyMask);
  const call: AttentionCall = {
    B,
    N,
    M,
    H,
    G,
    D,
    Dv,
    scale: options.scale ?? 1 / Math.sqrt(D),
    softcap: options.softcap ?? null,
    outScale: 1,
    dropout: resolveDropout(options.dropout),
    caller,
    schedule,
  };
  return { call, operands: { q, k, v, mask } };
}

function checkState(part: Part, { out, lse }: AttentionState): void {
  const { B, N, H, Dv } = part.call;
  checkResult(part, "out", out.dtype);
  expectLike(part, "out", out, [B, N, H, Dv], [out.dtype]);
  expectLike(part, "lse", lse, [B, H, N], ["f32"]);
}

/** Sums are kept in f32, and rounded to the dtype of the operands at most. */
function checkResult({ call, operands: { q } }: Part, name: string, dtype: string): void {
  if (dtype === "f32" || dtype === q.dtype) return;
  throw new DtypeError(`${call.caller}: ${name} must be f32 or that of q, ${q.dtype}, not ${dtype}`, {
    fix: 'pass "f32", which loses nothing',
  });
}

function expectLike(
  { call: { caller } }: Part,
  name: string,
  tensor: Tensor,
  shape: readonly number[],
  dtypes: readonly string[],
): void {
  if (!sameShape(tensor.shape, shape)) {
    throw new ShapeError(`${caller}: ${name} must have shape ${formatShape(shape)}`, {
      details: [`${name}: ${tensor}`],
    });
  }
  if (!dtypes.includes(tensor.dtype)) {
    throw new DtypeError(`${caller}: ${name} must be ${[...new Set(dtypes)].join(" or ")}, not ${tensor.dtype}`, {
      fix: `cast(${name}, "${dtypes[0]}")`,
    });
  }
}

/** What is queued past the tape would leave a gap in a gradient without a word. */
function refuseTape(caller: string, tensors: Readonly<Record<string, Tensor>>): void {
  const [name] = Object.entries(tensors).find(([, { id, device }]) => device.tape?.tracks(id)) ?? [];
  if (name === undefined) return;
  throw new ConfigError(`${caller}: no gradient flows through it, and one would have to flow through ${name}`, {
    fix: "make an op of attendPart and attendPartBackward for apply(), or pass what stopGradient() gives",
  });
}

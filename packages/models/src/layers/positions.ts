import { LimitError, Tensor } from "@dilated/core";
import { add, embedding, type KeyMask, rope, sinusoidPositions, xpos } from "@dilated/kernels";

/**
 * How tokens learn where they are: `xpos` and `rope` turn queries and keys inside attention; `learned` and `sinusoid` are added to the embeddings.
 */
export type PositionKind = "xpos" | "rope" | "learned" | "sinusoid" | "none";

export const POSITIONS: readonly PositionKind[] = ["xpos", "rope", "learned", "sinusoid", "none"];

/** Turns queries or keys [B, N, H, D] by their positions, where `kind` does so. */
export function rotate(x: Tensor, kind: PositionKind, isKey: boolean, scaleBase: number): Tensor {
  if (kind === "rope") return rope(x);
  return kind === "xpos" ? scaled(x, isKey, scaleBase) : x;
}

/** A model's configuration calls the scale base by another name than the op does. */
function scaled(x: Tensor, isKey: boolean, scaleBase: number): Tensor {
  try {
    return xpos(x, { downscale: isKey, scaleBase });
  } catch (cause) {
    if (!(cause instanceof LimitError)) throw cause;
    const [summary = ""] = cause.message.split("\n");
    throw new LimitError(summary, {
      details: cause.details.map((line) => line.replace("scaleBase", "xposScaleBase")),
      fix: (cause.fix ?? "").replace("pass scaleBase", "make the model with xposScaleBase"),
      cause,
    });
  }
}

/** What {@link addPositions} needs besides x. */
export interface AbsolutePositions {
  readonly kind: PositionKind;
  /** Learned positions [P, E]. */
  readonly table?: Tensor | undefined;
  /** Packed sequences: positions start again in each. */
  readonly cuSeqlens?: ArrayLike<number> | undefined;
  /** [B, N]: padding. Positions count from the first token of a sequence that is none, where the mask is an array. */
  readonly keyMask?: KeyMask | undefined;
  /** Position of the first token of each sequence. @defaultValue 0 */
  readonly starts?: readonly number[] | undefined;
}

/**
 * x [B, N, E] plus the positions of its tokens, where `kind` adds any.
 *
 * @throws LimitError when a sequence is longer than the table.
 */
export function addPositions(x: Tensor, { kind, table, cuSeqlens, keyMask, starts }: AbsolutePositions): Tensor {
  if (kind !== "learned" && kind !== "sinusoid") return x;
  const { device, dtype } = x;
  const [B = 1, N = 0, E = 0] = x.shape;
  if (kind === "sinusoid" && starts) return add(x, sinusoidsFrom(x, starts));
  const mask = keyMask instanceof Tensor || starts ? undefined : keyMask;
  if (kind === "sinusoid" && !cuSeqlens && !mask)
    return add(x, sinusoidPositions(device, N, E, { dtype: dtype as "f32" }));
  const rowOf = (b: number) => mask && Array.from({ length: N }, (_, n) => Boolean(mask[b * N + n]));
  const ids = starts
    ? starts.flatMap((first) => idsFrom(first, N))
    : Array.from({ length: mask ? B : 1 }, (_, b) => [...positionIds(N, cuSeqlens, rowOf(b))]).flat();
  const longest = ids.reduce((most, id) => Math.max(most, id + 1), 0);
  const rows = kind === "learned" ? table : sinusoidPositions(device, longest, E, { dtype: dtype as "f32" });
  if (!rows || longest > (rows.shape[0] ?? 0)) {
    throw new LimitError(`positions: a sequence of ${longest} tokens is longer than the table`, {
      details: [`maxPositions: ${rows?.shape[0] ?? 0}`],
      fix: "use a model with more positions, or cut the sequence",
    });
  }
  return add(
    x,
    embedding(rows, device.tensor(ids, starts || mask ? [B, N] : [N], { dtype: "i32", label: "position ids" })),
  );
}

function idsFrom(first: number, N: number): number[] {
  return Array.from({ length: N }, (_, n) => first + n);
}

/** [B, N, E]: each sequence from a position of its own. */
function sinusoidsFrom({ device, shape, dtype }: Tensor, starts: readonly number[]): Tensor {
  const [, N = 0, E = 0] = shape;
  const table = device.empty(shape, { dtype, label: "positions" });
  starts.forEach((offset, b) => {
    device.copy(sinusoidPositions(device, N, E, { offset, dtype: dtype as "f32" }), table, { to: b * N * E });
  });
  return table;
}

/**
 * 0, 1, 2, ... from the start of each packed sequence; from its first token that counts, where there is a mask.
 * Padding in front and behind takes the position of
 * the nearest token that counts, so that it needs no room in a table.
 */
export function positionIds(
  N: number,
  cuSeqlens: ArrayLike<number> | undefined,
  counts?: readonly boolean[] | undefined,
): Int32Array {
  const ids = Int32Array.from({ length: N }, (_, t) => t);
  const bounds = cuSeqlens ?? [0, N];
  for (let i = 0; i + 1 < bounds.length; i++) {
    const [start, end] = [Number(bounds[i]), Math.min(N, Number(bounds[i + 1]))];
    let first = start;
    let last = end - 1;
    while (counts && first < end && !counts[first]) first++;
    while (counts && last > first && !counts[last]) last--;
    if (first === end) first = last = start; // padding alone
    for (let t = start; t < end; t++) ids[t] = Math.max(0, Math.min(t, last) - first);
  }
  return ids;
}

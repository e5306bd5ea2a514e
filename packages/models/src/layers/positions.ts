import { LimitError, type Tensor } from "@dilated/core";
import { add, embedding, rope, sinusoidPositions, xpos } from "@dilated/kernels";

/**
 * How tokens learn where they are: `xpos` and `rope` turn queries and keys inside attention; `learned` and `sinusoid` are added to the embeddings.
 */
export type PositionKind = "xpos" | "rope" | "learned" | "sinusoid" | "none";

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
  /** Position of the first token of each sequence. @defaultValue 0 */
  readonly starts?: readonly number[] | undefined;
}

/**
 * x [B, N, E] plus the positions of its tokens, where `kind` adds any.
 *
 * @throws LimitError when a sequence is longer than the table.
 */
export function addPositions(x: Tensor, { kind, table, cuSeqlens, starts }: AbsolutePositions): Tensor {
  if (kind !== "learned" && kind !== "sinusoid") return x;
  const { device, dtype } = x;
  const [B = 1, N = 0, E = 0] = x.shape;
  if (kind === "sinusoid" && starts) return add(x, sinusoidsFrom(x, starts));
  if (kind === "sinusoid" && !cuSeqlens) return add(x, sinusoidPositions(device, N, E, { dtype: dtype as "f32" }));
  const ids = starts ? starts.flatMap((first) => idsFrom(first, N)) : [...positionIds(N, cuSeqlens)];
  const longest = ids.reduce((most, id) => Math.max(most, id + 1), 0);
  const rows = kind === "learned" ? table : sinusoidPositions(device, longest, E, { dtype: dtype as "f32" });
  if (!rows || longest > (rows.shape[0] ?? 0)) {
    throw new LimitError(`positions: a sequence of ${longest} tokens is longer than the table`, {
      details: [`maxPositions: ${rows?.shape[0] ?? 0}`],
      fix: "use a model with more positions, or cut the sequence",
    });
  }
  return add(x, embedding(rows, device.tensor(ids, starts ? [B, N] : [N], { dtype: "i32", label: "position ids" })));
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

/** 0, 1, 2, ... from the start of each packed sequence. */
export function positionIds(N: number, cuSeqlens: ArrayLike<number> | undefined): Int32Array {
  const ids = Int32Array.from({ length: N }, (_, t) => t);
  if (!cuSeqlens) return ids;
  for (let i = 0; i + 1 < cuSeqlens.length; i++) {
    const start = Number(cuSeqlens[i]);
    for (let t = start; t < Math.min(N, Number(cuSeqlens[i + 1])); t++) ids[t] = t - start;
  }
  return ids;
}

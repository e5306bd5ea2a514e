import { ConfigError, type Device, DtypeError, fill, ShapeError, Tensor } from "@dilated/core";
import type { KeyMask } from "@dilated/kernels";

/** Tokens of each sample that a mask says something about. */
export function maskLength(mask: KeyMask, B: number): number {
  return mask instanceof Tensor ? (mask.shape[1] ?? 0) : mask.length / B;
}

/** Columns [0, end) of a mask [B, N]. */
export function cutMask(mask: KeyMask, B: number, end: number): KeyMask {
  const N = maskLength(mask, B);
  if (N === end) return mask;
  if (!(mask instanceof Tensor)) {
    return Array.from({ length: B * end }, (_, i) => Boolean(mask[Math.floor(i / end) * N + (i % end)]));
  }
  const cut = mask.device.empty([B, end], { dtype: "u32", label: "key mask" });
  for (let b = 0; b < B; b++) mask.device.copy(mask, cut, { from: b * N, to: b * end, count: end });
  return cut;
}

/** A mask [B, N] with a token in front that counts: [B, N + 1]. */
export function prependToMask(device: Device, mask: KeyMask, B: number, N: number): KeyMask {
  const M = N + 1;
  if (!(mask instanceof Tensor)) {
    return Array.from({ length: B * M }, (_, i) => i % M === 0 || Boolean(mask[Math.floor(i / M) * N + (i % M) - 1]));
  }
  const longer = device.empty([B, M], { dtype: "u32", label: "key mask" });
  fill(longer, 1);
  for (let b = 0; b < B; b++) device.copy(mask, longer, { from: b * N, to: b * M + 1, count: N });
  return longer;
}

/**
 * @param lengths - tokens that a mask may speak of
 * @throws ShapeError, before anything is queued.
 */
export function checkMask(caller: string, mask: KeyMask | undefined, B: number, lengths: readonly number[]): void {
  if (mask instanceof Tensor && mask.dtype !== "u32") {
    throw new DtypeError(`${caller} must be u32, not ${mask.dtype}`, {
      details: [String(mask)],
      fix: 'make it with device.tensor(values, shape, { dtype: "u32" })',
    });
  }
  if (mask === undefined || (lengths.includes(maskLength(mask, B)) && !(mask instanceof Tensor && mask.shape[0] !== B)))
    return;
  throw new ShapeError(`${caller}: the mask must be ${lengths.map((n) => `[${B}, ${n}]`).join(" or ")}`, {
    details: [`given: ${mask instanceof Tensor ? String(mask) : `${mask.length} values`}`],
    fix: "pass one value a token, row by row: 1 where it counts, 0 where it is padding",
  });
}

/** @throws ConfigError unless the boundaries of packed documents rise from 0 to N. */
export function checkBounds(caller: string, bounds: ArrayLike<number> | undefined, N: number): void {
  if (bounds === undefined) return;
  const last = bounds.length - 1;
  const rising = (_: unknown, i: number): boolean => i === 0 || Number(bounds[i]) > Number(bounds[i - 1]);
  const whole = (bound: unknown): boolean => Number.isSafeInteger(bound);
  if (
    last >= 1 &&
    bounds[0] === 0 &&
    bounds[last] === N &&
    Array.from(bounds).every(whole) &&
    Array.from(bounds).every(rising)
  )
    return;
  throw new ConfigError(`${caller}: cuSeqlens must rise from 0 to N = ${N}, the tokens of a sequence`, {
    details: [
      `given: ${bounds.length > 12 ? `${bounds.length} boundaries` : Array.from(bounds).map(String).join(", ")}`,
    ],
    fix: "pass the boundaries of the packed documents, such as [0, first, N]",
  });
}

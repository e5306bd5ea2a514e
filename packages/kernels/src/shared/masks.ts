import { type Device, DeviceError, DtypeError, type Field, field, ShapeError, Tensor } from "@dilated/core";
import type { KeyMask } from "../attention/op/dilated-attention.ts";

/** A mask, as an argument. */
export const MASK: Field<unknown> = field.either(
  field.tensor(),
  field.numbers(),
  "a u32 tensor [B, N] or one number or boolean a token",
);

/**
 * A mask on the device, [B, n] in u32, where n is one of `lengths`. What is made from an array is the scope's.
 *
 * @throws ShapeError, DtypeError, DeviceError
 */
export function maskTensor(
  caller: string,
  device: Device,
  mask: KeyMask,
  B: number,
  lengths: readonly number[],
): Tensor {
  const shape = mask instanceof Tensor ? mask.shape : [B, Number(mask?.length) / B];
  if (shape.length !== 2 || shape[0] !== B || !lengths.includes(shape[1] as number)) {
    const given = mask instanceof Tensor ? `[${shape.join(", ")}]` : `${String(mask?.length)} values`;
    throw new ShapeError(`${caller}: keyMask must have shape ${lengths.map((n) => `[${B}, ${n}]`).join(" or ")}`, {
      details: [`given: ${given}`],
      fix: "pass one value a token, row by row: 1 where it counts, 0 where it is padding",
    });
  }
  if (!(mask instanceof Tensor)) {
    return device.tensor(
      Uint32Array.from(mask, (value) => (value ? 1 : 0)),
      shape,
      { dtype: "u32", label: "key mask" },
    );
  }
  void mask.storage; // throws DisposedError
  if (mask.device !== device) {
    throw new DeviceError(`${caller}: keyMask lives on another device`, { fix: "make all tensors on one device" });
  }
  if (mask.dtype !== "u32") {
    throw new DtypeError(`${caller}: keyMask must be u32, not ${mask.dtype}`, {
      fix: "pass an array of booleans or 0 and 1",
    });
  }
  return mask;
}

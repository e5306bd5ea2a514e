import { ConfigError, DtypeError, type Field, field, formatShape, ShapeError, Tensor } from "@dilated/core";
import { checkFloats } from "../shared/check.ts";

/** Largest position that a rotation takes; angles are exact up to here. */
export const MAX_POSITION: number = 2 ** 24;

/** Base of the frequencies. */
export const BASE: Field<number> = field.custom(
  "a finite number above 1",
  (value) => Number.isFinite(value) && (value as number) > 1,
);

/** Where the tokens of a call stand. */
export const POSITIONS: Field<Tensor | number> = field.either(
  field.tensor(),
  field.custom<number>("a whole number", Number.isInteger),
);

/** Throws unless x is [B, N, H, D] with D a multiple of 4, and positions an offset or an integer tensor [N] or [B, N]. */
export function checkPositioned(caller: string, x: Tensor, positions: Tensor | number): void {
  checkFloats(caller, { x });
  const [B = 0, N = 0, , D = 0] = x.shape;
  if (x.rank !== 4 || D === 0 || D % 4 !== 0) {
    throw new ShapeError(`${caller}: x must be [B, N, H, D] with D a multiple of 4`, {
      details: [`x: ${formatShape(x.shape)}`],
      fix: "reshape x to [B, N, H, D]",
    });
  }
  if (positions instanceof Tensor) checkPositionTensor(caller, positions, B, N);
  else if (!Number.isInteger(positions) || Math.abs(positions) + N > MAX_POSITION) {
    throw new ConfigError(`${caller}: positions must be a whole offset whose last token is at most ${MAX_POSITION}`, {
      details: [`positions: ${String(positions)}, N: ${N}`],
      fix: "pass the position of the first token, or an i32 tensor [N] or [B, N]",
    });
  }
}

function checkPositionTensor(caller: string, positions: Tensor, B: number, N: number): void {
  if (positions.dtype !== "i32") {
    throw new DtypeError(`${caller}: positions must be i32`, {
      details: [`positions: ${positions.dtype}`],
      fix: 'make them with { dtype: "i32" }',
    });
  }
  const { shape } = positions;
  const fits = (shape.length === 1 && shape[0] === N) || (shape.length === 2 && shape[0] === B && shape[1] === N);
  if (!fits) {
    throw new ShapeError(`${caller}: positions must be [N] or [B, N]`, {
      details: [`positions: ${formatShape(shape)}`, `B ${B}, N ${N}`],
      fix: "give one position a token",
    });
  }
}

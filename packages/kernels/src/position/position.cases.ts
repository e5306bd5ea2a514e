import type { Device, Tensor } from "@dilated/core";
import fc from "fast-check";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { type RotationReference, rotateReference, xposScale } from "./rope.reference.ts";
import { rope } from "./rope.ts";
import { xpos } from "./xpos.ts";

type Shape4 = RotationReference["shape"];

/** RoPE with an offset. */
export function ropeCase(shape: Shape4, offset: number, interleaved: boolean, base = 10_000): OpCase {
  const reference = { shape, position: (_b: number, n: number) => offset + n, base, interleaved };
  return rotationCase(
    `rope [${shape.join(", ")}] from ${offset}${interleaved ? ", interleaved" : ""}`,
    reference,
    (x) => rope(x, { positions: offset, interleaved, base }),
  );
}

/** xPos with an offset, queries or keys. */
export function xposCase(shape: Shape4, offset: number, downscale: boolean): OpCase {
  const centre = Math.ceil((shape[1] + offset) / 2);
  const scale = xposScale(shape[3], 512, centre, downscale);
  const reference = { shape, position: (_b: number, n: number) => offset + n, base: 10_000, interleaved: true, scale };
  return rotationCase(`xpos [${shape.join(", ")}] from ${offset}${downscale ? ", keys" : ""}`, reference, (x) =>
    xpos(x, { positions: offset, downscale }),
  );
}

/** Positions from a tensor, one row a batch row or one for all. */
export function positionedCase(shape: Shape4, perBatch: boolean, positions: readonly number[]): OpCase {
  const [B, N] = shape;
  const position = (b: number, n: number) => positions[(perBatch ? b * N : 0) + n] ?? 0;
  const run = (x: Tensor) => rope(x, { positions: integers(x.device, positions, perBatch ? [B, N] : [N]) });
  return rotationCase(
    `rope at given positions, ${perBatch ? "[B, N]" : "[N]"}`,
    { shape, position, base: 10_000, interleaved: false },
    run,
  );
}

function rotationCase(name: string, reference: RotationReference, run: (x: Tensor) => Tensor): OpCase {
  return {
    name,
    inputs: [reference.shape],
    run: ([x]) => (x as Tensor).device.scope(() => run(x as Tensor)),
    forward: ([x = []]) => rotateReference(x, reference),
    backward: (_inputs, dy) => [rotateReference(dy, reference, true)],
  };
}

function integers(device: Device, values: readonly number[], shape: readonly number[]): Tensor {
  return device.tensor(values, shape, { dtype: "i32", label: "positions" });
}

export const positionCases: readonly OpCase[] = [
  ropeCase([2, 5, 3, 8], 0, false),
  ropeCase([2, 5, 3, 8], 7, true),
  ropeCase([1, 3, 1, 12], 0, false), // halves that are no multiple of four
  ropeCase([1, 4, 2, 4], 0, false, 500_000),
  ropeCase([1, 2, 1, 64], 1_000_000, false),
  ropeCase([1, 2, 1, 64], -1_000_000, true),
  ropeCase([1, 2, 1, 256], 2 ** 24 - 2, true),
  positionedCase([2, 3, 2, 16], true, [5, 0, 999_999, 1, 2, 16_777_216]),
  positionedCase([2, 3, 2, 16], false, [100, -3, 12_345_678]),
  xposCase([2, 6, 2, 16], 0, false),
  xposCase([2, 6, 2, 16], 0, true),
  xposCase([1, 5, 2, 24], 900, false),
  xposCase([1, 700, 1, 8], 0, true),
];

export const anyPosition: fc.Arbitrary<OpCase> = fc
  .tuple(
    fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 16 }).map((quads) => 4 * quads),
    ),
    fc.constantFrom(0, 3, 500),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([shape, offset, flag, isXpos]) => (isXpos ? xposCase(shape, offset, flag) : ropeCase(shape, offset, flag)));

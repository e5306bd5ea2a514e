import { defineKernel, type KernelDefinition, type Maybe, type Tensor } from "@dilated/core";
import { forEachBlock } from "../shared/blocks.ts";
import { flatLaunch } from "../shared/launch.ts";
import { kernelsModule } from "../wasm/module.ts";
import { frequenciesOn } from "./frequencies.ts";
import source from "./rotate.wgsl";

/** What the rotation kernel needs to know; resolved from the options of `rope`, `xpos` and `sinusoidPositions`. */
export interface Rotation {
  readonly base: number;
  /** Position of token 0 where no positions tensor is given. */
  readonly offset: number;
  readonly interleaved: boolean;
  /** Position at which xPos's scale is 1. */
  readonly centre: number;
  /** Tokens over which xPos's scales decay; left out, nothing is scaled. */
  readonly scaleBase?: number;
  /** 1 scales up with the position, -1 down, 0 not at all. */
  readonly power: 0 | 1 | -1;
  /** 1 rotates forwards; -1 back, as the gradient does. */
  readonly direction: 1 | -1;
}

type Tensors = "x" | "positions" | "frequencies" | "y";
type Scalars =
  | "quads"
  | "first_token"
  | "dim"
  | "heads"
  | "tokens"
  | "offset"
  | "position_stride"
  | "interleaved"
  | "centre"
  | "direction"
  | "power";

export const rotateKernel: KernelDefinition<Tensors, Scalars> = defineKernel({
  name: "rotatePositions",
  tensors: {
    x: { access: "read", view: "vec4", optional: true },
    positions: { access: "read", view: "scalar", optional: true },
    frequencies: { access: "read", view: "vec4" },
    y: { access: "write", view: "vec4" },
  },
  scalars: {
    quads: "u32",
    first_token: "u32",
    dim: "u32",
    heads: "u32",
    tokens: "u32",
    offset: "i32",
    position_stride: "u32",
    interleaved: "u32",
    centre: "f32",
    direction: "f32",
    power: "f32",
  },
  wgsl: { source },
  wasm: { module: kernelsModule, entry: "rotatePositions" },
});

/** Rotates `x`, or the pairs (0, 1) where `x` is left out, into `y` [B, N, H, D] (f32 on WebAssembly). */
export function launchRotation(y: Tensor, x: Maybe<Tensor>, positions: Maybe<Tensor>, rotation: Rotation): void {
  const [B = 1, N = 1, H = 1, D = 4] = y.shape;
  const { base, offset, interleaved, centre, direction, power, scaleBase } = rotation;
  const frequencies = frequenciesOn(y.device, D / 2, base, scaleBase);
  const row = H * D;
  forEachBlock(
    "rotatePositions",
    y.device,
    B * N,
    [
      [x, row],
      [y, row],
    ],
    ({ first, count, of }) => {
      const { quads, groups, constants } = flatLaunch(count * row);
      y.device.run(rotateKernel, {
        tensors: { x: of(x, row), positions, frequencies, y: of(y, row) },
        scalars: {
          quads,
          first_token: first,
          dim: D,
          heads: H,
          tokens: N,
          offset,
          position_stride: positions?.rank === 2 ? N : 0,
          interleaved: interleaved ? 1 : 0,
          centre,
          direction,
          power,
        },
        constants: { ...constants, INTERLEAVED: interleaved },
        groups,
        items: count,
        scratchBytes: D * 8 + 16,
      });
    },
  );
}

import type { Device, DType, KernelDefinition } from "@dilated/core";
import type { ResolvedAttention } from "../op/options.ts";
import {
  attentionBackwardKey,
  attentionBackwardKeyRolled,
  attentionBackwardQuery,
  attentionBackwardQueryRolled,
} from "./backward.ts";
import { attentionForward, attentionForwardRolled } from "./forward.ts";
import { matrixKernels } from "./matrix/kernels.ts";
import { type MatrixKernel, matrixRows, matrixTile } from "./matrix/tile.ts";
import type { LaunchScalar } from "./source.ts";
import { chooseTile, ROLLED_ROWS, tileRows } from "./unrolled/tile-size.ts";

/** A kernel ready to be planned and launched. */
export interface TiledKernel {
  readonly kernel: KernelDefinition<string, LaunchScalar>;
  /** Rows of a tile. */
  readonly rows: number;
  readonly constants: Readonly<Record<string, number | boolean>>;
}

const TILE: Readonly<Record<MatrixKernel, unknown>> = {
  forward: attentionForward,
  query: attentionBackwardQuery,
  key: attentionBackwardKey,
};

const ROLLED: Readonly<Record<MatrixKernel, unknown>> = {
  forward: attentionForwardRolled,
  query: attentionBackwardQueryRolled,
  key: attentionBackwardKeyRolled,
};

/** The fastest kernel of a call on this device: on matrix units where it can be, else in f32 arithmetic. */
export function chooseKernel(
  device: Device,
  dtype: DType,
  role: MatrixKernel,
  resolved: ResolvedAttention,
): TiledKernel {
  const { D, dropout } = resolved;
  const tile = matrixTile(device, dtype, role, resolved);
  if (tile) {
    const kernel = matrixKernels[role] as unknown as TiledKernel["kernel"];
    return { kernel, rows: matrixRows(tile), constants: { ...tile, D, DROPOUT: dropout !== null } };
  }
  const unrolled = chooseTile(device, role, D);
  if (unrolled) {
    const constants = { ...unrolled, D, DROPOUT: dropout !== null };
    return { kernel: TILE[role] as TiledKernel["kernel"], rows: tileRows(unrolled), constants };
  }
  return exactKernel(role, resolved);
}

/** The kernel that is right for what is not finite, too, and that software adapters compile fast. In its general variant: another one costs more than it saves. */
export function exactKernel(role: MatrixKernel, { D }: ResolvedAttention): TiledKernel {
  return { kernel: ROLLED[role] as TiledKernel["kernel"], rows: ROLLED_ROWS, constants: { D, DROPOUT: true } };
}

export function isExact({ kernel }: TiledKernel, role: MatrixKernel): boolean {
  return kernel === ROLLED[role];
}

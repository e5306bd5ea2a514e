import type { Device, DType, KernelDefinition } from "@dilated/core";
import type { AttentionCall } from "../engine.ts";
import { type KernelForm, type KernelRole, kernelsFor } from "./kernels.ts";
import { matrixRows, matrixTile } from "./matrix/tile.ts";
import { chooseTile, ROLLED_ROWS, tileRows } from "./unrolled/tile-size.ts";

/** A kernel ready to be planned and launched. */
export interface TiledKernel {
  readonly form: KernelForm;
  readonly role: KernelRole;
  readonly kernel: KernelDefinition;
  /** Rows of a tile. */
  readonly rows: number;
  readonly constants: Readonly<Record<string, number | boolean>>;
}

type Sizes = Pick<AttentionCall, "D" | "Dv" | "dropout" | "softcap" | "schedule">;

/**
 * The fastest kernel of a call on this device: on matrix units where it can be, else in f32 arithmetic. Lists of rows
 * and columns are for the rolled kernels alone.
 *
 * @param result - dtype of what it writes: that of the operands, or f32.
 */
export function chooseKernel(
  device: Device,
  dtype: DType,
  role: KernelRole,
  call: Sizes,
  result: DType = dtype,
): TiledKernel {
  const { D, Dv, dropout, softcap, schedule } = call;
  if (schedule.text.gathered) return exactKernel(role, call);
  const kernels = kernelsFor(schedule.text);
  const options = { D, DROPOUT: dropout !== null, SOFTCAP: Number(softcap !== null) };
  const tile = matrixTile(device, dtype, role, call);
  if (tile) {
    const constants = {
      ...tile,
      ...options,
      F32_STATE: Number(result === "f32"),
      WINDOW: Number(schedule.bounds === "window"),
    };
    return { form: "matrix", role, kernel: kernels.matrix[role], rows: matrixRows(tile), constants };
  }
  const unrolled = chooseTile(device, role, D, Dv);
  if (unrolled) {
    const constants = { ...unrolled, ...options, DV: Dv };
    return { form: "unrolled", role, kernel: kernels.unrolled[role], rows: tileRows(unrolled), constants };
  }
  return exactKernel(role, call);
}

/**
 * The kernel that is right for what is not finite, too, and that software adapters compile fast. In its general
 * variant: another one costs more than it saves.
 */
export function exactKernel(role: KernelRole, { D, Dv, schedule }: Sizes): TiledKernel {
  const kernel = kernelsFor(schedule.text).rolled[role];
  return { form: "rolled", role, kernel, rows: ROLLED_ROWS, constants: { D, DV: Dv, DROPOUT: true } };
}

import { defineKernel, type KernelDefinition, philoxWgsl, type ScalarType, type TensorSlot } from "@dilated/core";
import type { ScheduleText } from "../schedule/schedule.ts";
import backward from "./backward.wgsl";
import common from "./common.wgsl";
import dropout from "./dropout.wgsl";
import matrixBackward from "./matrix/backward.wgsl";
import matrixBackwardBody from "./matrix/backward-body.wgsl";
import matrixForward from "./matrix/forward.wgsl";
import matrixTile from "./matrix/tile.wgsl";
import writeGradient from "./matrix/write-gradient.wgsl";
import look from "./repair/look.wgsl";
import { LOOK_SCALARS, MARK } from "./repair/scan.ts";
import rolledKey from "./rolled/backward-key.wgsl";
import rolledQuery from "./rolled/backward-query.wgsl";
import rolledForward from "./rolled/forward.wgsl";
import rolledMain from "./rolled/main.wgsl";
import notFinite from "./rolled/not-finite.wgsl";
import rolledTile from "./rolled/tile.wgsl";
import { BACKWARD_SCALARS, LAUNCH_SCALARS, ROLLED_SCALARS } from "./scalars.ts";
import unrolledBackward from "./unrolled/backward.wgsl";
import unrolledKey from "./unrolled/backward-key.wgsl";
import unrolledQuery from "./unrolled/backward-query.wgsl";
import unrolledForward from "./unrolled/forward.wgsl";
import unrolledTile from "./unrolled/tile.wgsl";

/** What a kernel does for the rows of its tiles: outputs, dQ, or dK and dV. */
export type KernelRole = "forward" | "query" | "key";

/**
 * How a kernel is built. `matrix`: on matrix units, f16 operands and f32 sums. `unrolled`: f32 arithmetic in registers.
 * `rolled`: small loops, for software adapters, which would compile the others for minutes, and exact where something
 * is not finite, which the others are not made for.
 */
export type KernelForm = "matrix" | "unrolled" | "rolled";

export type AttentionKernels = Readonly<Record<KernelForm, Readonly<Record<KernelRole, KernelDefinition>>>>;

// Definitions are what pipelines are kept by, so a kind of schedule has one set of them.
const known = new WeakMap<ScheduleText, AttentionKernels>();

/**
 * The kernels that walk a kind of schedule; of one that is gathered only the rolled ones do.
 *
 * forward: out [B, N, H, Dv] and lse [B, H, N] of all that one launch visits; with `accumulate`, merged into what they
 * hold. q [B, N, H, D]; k [B, M, G, D]; v [B, M, G, Dv]; mask [B, M]. query: dq [B, N, H, D]; stats as
 * `attentionRowStats` leaves them. key: dk, dv [B, M, G, D], over all query heads of a group. With `accumulate`, they
 * add.
 *
 * Constants: D, DROPOUT; rolled and unrolled: DV (matrix kernels have one width), and for backward HAS_MASK; unrolled:
 * those of `Tile`, SOFTCAP; matrix: those of `MatrixTile`, SOFTCAP, F32_STATE (results are f32), WINDOW (`bounds` of
 * the schedule), and for backward HAS_MASK and SINGLE_KEY.
 */
export function kernelsFor(text: ScheduleText): AttentionKernels {
  const kernels = known.get(text) ?? define(text);
  known.set(text, kernels);
  return kernels;
}

const vec4: TensorSlot = { access: "read", view: "vec4" };
const raw: TensorSlot = { access: "read", view: "raw" };
const blocks: TensorSlot = { access: "read", view: "blocks", dtype: "f16" };
const mask: TensorSlot = { access: "read", view: "scalar", dtype: "u32", optional: true };
const written = (slot: TensorSlot): TensorSlot => ({ access: "read_write", view: slot.view });

function define({ source, scalars: own, gathered = false }: ScheduleText): AttentionKernels {
  const kernel = (
    form: KernelForm,
    role: KernelRole,
    slot: TensorSlot,
    texts: readonly string[],
    features?: readonly string[],
  ): KernelDefinition => {
    const operands = { plan: raw, q: slot, k: slot, v: slot };
    const pulled = { ...operands, dout: slot, stats: raw, ...(form === "matrix" && { amax: raw }) };
    const tensors: Record<KernelRole, Record<string, TensorSlot>> = {
      forward: { ...operands, mask, out: written(slot), lse: written(raw), ...(form !== "rolled" && { mark: MARK }) },
      query: { ...pulled, dq: written(slot) },
      key: { ...pulled, dk: written(slot), dv: written(slot) },
    };
    return defineKernel<string, string>({
      name: `attention_${NAMES[role]}${form === "unrolled" ? "" : `_${form}`}`,
      tensors: tensors[role],
      scalars: scalarsOf(form, role, own),
      wgsl: {
        source: [`#let GATHERED = ${Number(gathered)}`, philoxWgsl, dropout, common, source, ...texts].join("\n"),
        ...(features && { features }),
      },
    });
  };
  const shared = [unrolledTile, backward, unrolledBackward];
  const matrix = (key: 0 | 1, gradients: readonly string[]): string[] => [
    matrixTile,
    `#let KEY = ${key}`,
    backward,
    matrixBackward,
    matrixBackwardBody,
    ...gradients.map((name) => writeGradient.replaceAll("GRADIENT", name)),
  ];
  return {
    matrix: {
      forward: kernel("matrix", "forward", blocks, [matrixTile, matrixForward], MATRIX_FEATURES),
      query: kernel("matrix", "query", blocks, matrix(0, ["dq"]), MATRIX_FEATURES),
      key: kernel("matrix", "key", blocks, matrix(1, ["dk", "dv"]), MATRIX_FEATURES),
    },
    unrolled: {
      forward: kernel("unrolled", "forward", vec4, [unrolledTile, look, unrolledForward]),
      query: kernel("unrolled", "query", vec4, [...shared, unrolledQuery]),
      key: kernel("unrolled", "key", vec4, [...shared, unrolledKey]),
    },
    rolled: {
      forward: kernel("rolled", "forward", vec4, [notFinite, rolledTile, rolledForward, rolledMain]),
      query: kernel("rolled", "query", vec4, [notFinite, rolledTile, backward, rolledQuery, rolledMain]),
      key: kernel("rolled", "key", vec4, [notFinite, rolledTile, backward, rolledKey, rolledMain]),
    },
  };
}

function scalarsOf(form: KernelForm, role: KernelRole, own: ScheduleText["scalars"]): Record<string, ScalarType> {
  return {
    ...LAUNCH_SCALARS,
    ...(role !== "forward" ? BACKWARD_SCALARS : form === "rolled" ? {} : LOOK_SCALARS),
    ...(form === "rolled" ? ROLLED_SCALARS : {}),
    ...own,
  };
}

const NAMES: Readonly<Record<KernelRole, string>> = {
  forward: "forward",
  query: "backward_query",
  key: "backward_key",
};

const MATRIX_FEATURES = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"];

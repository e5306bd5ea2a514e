import {
  cast,
  DtypeError,
  type FieldsOf,
  field,
  type Maybe,
  ShapeError,
  sameShape,
  type Tensor,
  type TensorArgument,
} from "@dilated/core";
import { forEachBlock } from "../shared/blocks.ts";
import { checkFloats, describe, type NamedTensors } from "../shared/check.ts";
import { flatLaunch } from "../shared/launch.ts";

/** What all optimiser steps take. */
export interface StepOptions {
  /** One element that multiplies the gradient: a clip scale, or the inverse of a loss scale. A value of 0 skips the step. @defaultValue 1 */
  readonly gradScale?: Tensor | undefined;
  /** Receives the new parameters too, as f16 or f32: the copy that the model computes with. */
  readonly copyTo?: Tensor | undefined;
}

export const STEP_OPTIONS: FieldsOf<StepOptions> = {
  gradScale: field.optional(field.tensor()),
  copyTo: field.optional(field.tensor()),
};

/** Throws unless param and state are f32, grad and copy floats, all of one shape, and gradScale one f32 element. */
export function checkStep(
  caller: string,
  param: Tensor,
  grad: Tensor,
  state: NamedTensors,
  { gradScale, copyTo }: StepOptions,
): void {
  checkFloats(caller, { param, grad, ...state, copyTo, gradScale });
  const all = { param, grad, ...state, copyTo };
  for (const [name, tensor] of Object.entries({ param, ...state, gradScale })) {
    if (tensor && tensor.dtype !== "f32") {
      throw new DtypeError(`${caller}: ${name} must be f32`, {
        details: describe(all),
        fix: "keep master weights and moments in f32; copyTo takes the f16 copy",
      });
    }
  }
  for (const tensor of Object.values(all)) {
    if (tensor && !sameShape(tensor.shape, param.shape)) {
      throw new ShapeError(`${caller}: all tensors must have the shape of param`, {
        details: describe(all),
        fix: "pass the gradient and state of this parameter",
      });
    }
  }
  if (gradScale && gradScale.size !== 1) {
    throw new ShapeError(`${caller}: gradScale must have one element`, {
      details: describe({ gradScale }),
      fix: "pass clipScale(gradNorm(grads), maxNorm)",
    });
  }
}

/** One window of an in-place step. */
export interface StepWindow {
  of(tensor: Maybe<Tensor>): Maybe<TensorArgument>;
  /** Launch sizes; spread into the call, and `quads` into its scalars. */
  readonly quads: number;
  readonly launch: { readonly groups: number; readonly items: number; readonly constants: { readonly LANES: number } };
  /** The copy where the kernel writes it itself. */
  readonly copy: Maybe<TensorArgument>;
}

/** Runs a step over windows of `param`; WebAssembly kernels are f32, so the copy is made behind them there. */
export function runStep(
  param: Tensor,
  grad: Tensor,
  copyTo: Maybe<Tensor>,
  run: (grad: Tensor, window: StepWindow) => void,
): void {
  const { device } = param;
  const wasm = device.info.backend === "wasm";
  device.scope(() => {
    const g = wasm && grad.dtype === "f16" ? cast(grad, "f32") : grad;
    forEachBlock(
      "optimizer step",
      device,
      param.size,
      [
        [param, 1],
        [g, 1],
        [copyTo, 1],
      ],
      ({ count, of: part }) => {
        const of = (tensor: Maybe<Tensor>) => part(tensor, 1);
        const { quads, ...launch } = flatLaunch(count);
        run(g, { of, quads, launch, copy: wasm ? undefined : of(copyTo) });
      },
    );
    if (copyTo && wasm) device.copy(copyTo.dtype === "f32" ? param : cast(param, "f16"), copyTo);
  });
}

import type { DifferentiableOp, Maybe, Tensor } from "@dilated/core";
import { kernelDtype, stored, widen } from "../shared/half.ts";
import { launchRotation, type Rotation } from "./rotate.ts";

/** x [B, N, H, D], positions -> x rotated and scaled; the gradient turns back by the same angle, with the same scale. */
export const rotateOp: DifferentiableOp<Rotation> = {
  name: "rotatePositions",
  forward: ([x, positions], rotation) => ({ outputs: x ? [rotate(x, positions, rotation)] : [], saved: [positions] }),
  backward: ({ saved: [positions], grads: [grad], options }) => [
    grad && rotate(grad, positions, { ...options, direction: options.direction === 1 ? -1 : 1 }),
  ],
};

function rotate(x: Tensor, positions: Maybe<Tensor>, rotation: Rotation): Tensor {
  return x.device.scope(() => {
    const y = x.device.empty(x.shape, { dtype: kernelDtype(x.device, x.dtype), label: "rotated" });
    launchRotation(y, widen(x), positions, rotation);
    return stored(y, x.dtype);
  });
}

import {
  apply,
  cast,
  checkCall,
  type Device,
  type DifferentiableOp,
  defineKernel,
  field,
  type KernelDefinition,
  ShapeError,
  Tensor,
} from "@dilated/core";
import type { KeyMask } from "../attention/op/dilated-attention.ts";
import { sum } from "../reduce/reduce.ts";
import { forEachBlock } from "../shared/blocks.ts";
import { checkFloats, describe } from "../shared/check.ts";
import { rowLanes } from "../shared/launch.ts";
import { MASK, maskTensor } from "../shared/masks.ts";
import { kernelsModule } from "../wasm/module.ts";
import shares from "./shares.wgsl";
import weigh from "./weigh.wgsl";

const sharesKernel: KernelDefinition<"mask" | "shares", "length" | "missing"> = defineKernel({
  name: "tokenShares",
  tensors: { mask: { access: "read", view: "scalar" }, shares: { access: "write", view: "scalar" } },
  scalars: { length: "u32", missing: "f32" },
  wgsl: { source: shares },
  wasm: { module: kernelsModule, entry: "tokenShares" },
});

const weighKernel: KernelDefinition<"x" | "shares" | "y", "elements" | "width"> = defineKernel({
  name: "weighTokens",
  tensors: {
    x: { access: "read", view: "scalar" },
    shares: { access: "read", view: "scalar" },
    y: { access: "write", view: "scalar" },
  },
  scalars: { elements: "u32", width: "u32" },
  wgsl: { source: weigh },
  wasm: { module: kernelsModule, entry: "weighTokens" },
});

/** x [B, N, E] times the share of each token; linear, so backward does the same to the gradient. */
const weighOp: DifferentiableOp<undefined> = {
  name: "maskedMean",
  forward: ([x, share]) => ({ outputs: x && share ? [weighted(x, share)] : [], saved: [share] }),
  backward: ({ saved: [share], grads: [dy] }) => [dy && share && weighted(dy, share)],
};

const LANES = 256;

function weighted(x: Tensor, share: Tensor): Tensor {
  const { device, shape } = x;
  const E = shape[2] ?? 0;
  const y = device.empty(shape, { label: "weighted tokens" });
  const cut = [
    [x, E],
    [share, 1],
    [y, E],
  ] as const;
  forEachBlock("maskedMean", device, share.size, cut, ({ count, of }) => {
    device.run(weighKernel, {
      tensors: { x: of(x, E), shares: of(share, 1), y: of(y, E) },
      scalars: { elements: count * E, width: E },
      constants: { LANES },
      groups: Math.ceil((count * E) / LANES),
      items: count,
    });
  });
  return y;
}

const ARGUMENTS = { x: field.tensor("[B, N, E]"), keyMask: MASK };

/**
 * Mean over the tokens that count: [B, N, E] -> [B, E]. What stands in tokens that do not is never read, NaN included.
 *
 * A sample without a token that counts is an error where the mask is an array, and NaN where only the device knows the
 * mask.
 *
 * @param x - f32 or f16
 * @param keyMask - [B, N]; tokens that are 0 do not count
 * @returns in the dtype of x; differentiable in x.
 * @throws ShapeError, DtypeError, DeviceError
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { maskedMean } from "@dilated/kernels";
 * const device = await openDevice();
 * const x = device.tensor([1, 2, 3, 4, 9, 9], [1, 3, 2]);
 * console.log(await maskedMean(x, [1, 1, 0]).data()); // 2, 3
 * device.dispose();
 * ```
 */
export function maskedMean(x: Tensor, keyMask: KeyMask): Tensor {
  checkCall("maskedMean", ARGUMENTS, arguments);
  checkFloats("maskedMean", { x });
  if (x.rank !== 3 || x.size === 0) {
    throw new ShapeError("maskedMean: x must be [B, N, E]", {
      details: describe({ x }),
      fix: "reshape to three axes: batch, tokens, width",
    });
  }
  const { device, dtype } = x;
  return device.scope(() => {
    const share = sharesOf(device, keyMask, x.shape as readonly [number, number, number]);
    const [y] = apply(weighOp, [cast(x, "f32"), share], undefined) as [Tensor];
    return cast(sum(y, { axis: 1 }), dtype);
  });
}

/** [B, N] in f32: 1 / (tokens of the sample that count), or 0. */
function sharesOf(device: Device, keyMask: KeyMask, [B, N]: readonly [number, number, number]): Tensor {
  const mask = maskTensor("maskedMean", device, keyMask, B, [N]);
  if (!(keyMask instanceof Tensor)) {
    const empty = Array.from({ length: B }, (_, b) => b).find(
      (b) => !Array.from({ length: N }, (_, n) => keyMask[b * N + n]).some(Boolean),
    );
    if (empty !== undefined) {
      throw new ShapeError(`maskedMean: sample ${empty} has no token that counts`, { fix: "leave it out" });
    }
  }
  const result = device.empty([B, N], { label: "token shares" });
  device.run(sharesKernel, {
    tensors: { mask, shares: result },
    scalars: { length: N, missing: Number.NaN },
    constants: { LANES: rowLanes(N) },
    groups: B,
    items: B,
  });
  return result;
}

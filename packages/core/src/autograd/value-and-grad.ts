import { checkArgument, checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { ConfigError, DeviceError, DisposedError, DtypeError, ShapeError } from "../errors/index.ts";
import type { JoinedPlaces } from "../memory/joined.ts";
import { fill } from "../ops/fill.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkParameters, treeEntries, treeMap, treeTensors } from "../tensor/tree.ts";
import { addGrad, type GradMap, Tape } from "./tape.ts";

/** Result of {@link valueAndGrad}. */
export interface ValueAndGrad<P> {
  /** What the function returned: a tensor of one element. */
  readonly value: Tensor;
  /** One gradient a parameter, in the tree's shape; zeros where the value does not depend on the parameter. */
  readonly grads: P;
}

/** How {@link valueAndGrad} seeds and keeps. */
export interface ValueAndGradOptions {
  /** Gradient of the value with respect to itself; loss scaling passes its scale. @defaultValue 1 */
  readonly seed?: number | undefined;
  /**
   * Internal: where gradients are to lie, as far as ops can write them there, for updates in few launches:
   * `gradientPlaces`. The values are the same. @defaultValue each has memory of its own
   */
  readonly places?: ((parameters: readonly Tensor[]) => JoinedPlaces) | undefined;
}

const ARGUMENTS = {
  params: field.any("a tree of tensors"),
  work: field.func(),
  options: field.options<ValueAndGradOptions>({
    seed: field.optional(field.number()),
    places: field.optional(field.func()),
  }),
};

/**
 * Runs `work`, which queues operations on `params` and returns a scalar tensor, and differentiates it by reverse mode.
 * Intermediate tensors are freed as backward uses them up; the value and the gradients are yours.
 *
 * @param params - nested objects and arrays of tensors, all on one device; a tensor of several names is one parameter
 * @param work - synchronous; called once
 * @throws ShapeError when the value is not one element; ConfigError when `params` holds no tensor or anything else (a module, a Map, a number), or where a gradient would have to flow through
 * a `valueAndGrad` inside another one (there are no second derivatives).
 * @example
 * ```ts
 * import { openDevice, valueAndGrad } from "@dilated/core";
 * import { matmul, mean, square } from "@dilated/kernels";
 * const device = await openDevice();
 * const x = device.randomNormal([8, 4], { seed: 1 });
 * const w = device.randomNormal([4, 2], { seed: 2 });
 * const { value, grads } = valueAndGrad({ w }, () => mean(square(matmul(x, w))));
 * console.log(await value.item(), await grads.w.data());
 * device.dispose();
 * ```
 */
export function valueAndGrad<P>(params: P, work: () => Tensor, options: ValueAndGradOptions = {}): ValueAndGrad<P> {
  checkCall("valueAndGrad", ARGUMENTS, arguments);
  checkParameters("valueAndGrad", params, "params");
  const entries = treeEntries(params, "params");
  const gone = entries.find(([, { disposed }]) => disposed);
  if (gone) throw new DisposedError(`valueAndGrad: ${gone[0]} was disposed of`, { fix: "keep it alive" });
  const roots = entries.map(([, root]) => root);
  const device = roots[0]?.device;
  if (!device)
    throw new ConfigError("valueAndGrad: params holds no tensor", {
      fix: "pass the tensors to differentiate with respect to",
    });
  if (roots.some((root) => root.device !== device)) {
    throw new DeviceError("valueAndGrad: params live on several devices", {
      fix: "keep the parameters of one model on one device",
    });
  }
  const whole = entries.find(([, { dtype }]) => dtype !== "f32" && dtype !== "f16");
  if (whole) {
    throw new DtypeError(`valueAndGrad: ${whole[0]} is of dtype ${whole[1].dtype}, which has no gradient`, {
      details: [String(whole[1])],
      fix: "leave it out of params; work may use it all the same",
    });
  }
  const ids = new Set(roots.map((root) => root.id));
  const tape = new Tape(device, ids, device.tape);
  const grads: GradMap = new Map();
  const outer = device.tape;
  return device.scope(() => {
    device.tape = tape;
    let value: Tensor;
    try {
      value = device.scope(work); // what backward does not need is freed here, the rest as the tape uses it up
    } catch (error) {
      tape.discard();
      throw error;
    } finally {
      device.tape = outer;
    }
    try {
      checkArgument("valueAndGrad", "what work returns", field.tensor(), value);
      if (value.size !== 1) {
        throw new ShapeError("valueAndGrad: the value must have one element", {
          details: [`value: ${formatShape(value.shape)}`],
          fix: "reduce it with mean() or sum()",
        });
      }
      device.tape = undefined;
      if (options.places) {
        const places = options.places(entries.map(([, root]) => root));
        if (typeof places?.take !== "function" || typeof places.dispose !== "function")
          throw new ConfigError("valueAndGrad: `places` gives no places for gradients", { fix: "leave it out" });
        tape.places = places;
      }
      addGrad(grads, value.id, device.full(value.shape, options.seed ?? 1, { dtype: value.dtype, label: "grad" }));
      tape.backward(grads, ids);
      const result = { value, grads: treeMap(params, (param) => takeGrad(grads, param, tape)) };
      if (tape.usedOuter) outer?.refuse(treeTensors(result));
      return result;
    } finally {
      device.tape = outer;
      tape.discard();
      tape.places?.dispose();
      for (const grad of grads.values()) grad.dispose();
    }
  });
}

function takeGrad(grads: GradMap, param: Tensor, tape: Tape): Tensor {
  const found = grads.get(param.id);
  // An identity of its own: one gradient may be that of two parameters, which are not tied for that.
  if (found) {
    const { device, shape, dtype } = found;
    return device.adopt({ storage: found.storage.retain(), shape, dtype, label: "grad" });
  }
  const place = tape.placeOf(param.id);
  if (place) return fill(place, 0);
  return param.device.zeros(param.shape, { dtype: param.dtype, label: "grad" });
}

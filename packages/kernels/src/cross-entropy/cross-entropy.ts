import { apply, checkCall, type DifferentiableOp, field, type Maybe, ShapeError, type Tensor } from "@dilated/core";
import { forEachBlock } from "../shared/blocks.ts";
import { checkFloats, describe } from "../shared/check.ts";
import { kernelDtype, stored, widen } from "../shared/half.ts";
import { launchBackward, launchForward, meanOverTargets, sumLosses, targetScale } from "./launch.ts";
import {
  CROSS_ENTROPY_OPTIONS,
  type CrossEntropyOptions,
  checkTargets,
  type ResolvedCrossEntropy,
  resolveCrossEntropy,
} from "./options.ts";

const ARGUMENTS = { logits: field.tensor(), targets: field.tensor(), options: CROSS_ENTROPY_OPTIONS };

const crossEntropyOp: DifferentiableOp<ResolvedCrossEntropy> = {
  name: "crossEntropy",
  forward([logits, targets], options) {
    if (!logits || !targets) return { outputs: [], saved: [] };
    const { device } = logits;
    const vocab = logits.shape.at(-1) ?? 1;
    const [losses, lse] = device.scope(() => {
      const wide = widen(logits);
      const rows = device.empty(targets.shape, { label: "row losses" });
      const sums = device.empty([...targets.shape, 2], { label: "row lse" });
      const cut = [
        [wide, vocab],
        [targets, 1],
        [rows, 1],
        [sums, 2],
      ] as const;
      forEachBlock("crossEntropy", device, targets.size, cut, ({ count, of }) => {
        const windows = { logits: of(wide, vocab), targets: of(targets, 1), loss: of(rows, 1), lse: of(sums, 2) };
        launchForward({ ...windows, rows: count, vocab }, device, options);
      });
      return [rows, sums] as const;
    });
    const scale = targetScale(targets, options.reduction === "mean", options.ignoreIndex);
    const saved = [logits, targets, lse, scale];
    if (options.reduction === "none") return { outputs: [losses, lse, scale], saved };
    const loss = sumLosses(losses, scale);
    losses.dispose();
    return { outputs: [loss, lse, scale], saved };
  },
  backward({ saved: [logits, targets, lse, scale], grads: [grad], options }) {
    if (!logits || !targets || !lse || !scale || !grad) return [];
    return logits.device.scope(() => [gradient(logits, targets, lse, scale, grad, options)]);
  },
};

function gradient(
  logits: Tensor,
  targets: Tensor,
  lse: Tensor,
  scale: Tensor,
  grad: Tensor,
  options: ResolvedCrossEntropy,
): Maybe<Tensor> {
  const { device, dtype, shape } = logits;
  const vocab = shape.at(-1) ?? 1;
  const wide = widen(logits);
  // Two f16 share a word, so rows that do not start on one are written as f32 first.
  const out = device.empty(shape, {
    dtype: vocab % 4 === 0 ? kernelDtype(device, dtype) : "f32",
    label: "logits grad",
  });
  const perRow = options.reduction === "none";
  const cut = [
    [wide, vocab],
    [out, vocab],
    [targets, 1],
    [lse, 2],
  ] as const;
  forEachBlock("crossEntropy", device, targets.size, cut, ({ count, of }) => {
    const upstream = { scale, grad: perRow ? of(grad, 1) : grad, perRow };
    const windows = { logits: of(wide, vocab), targets: of(targets, 1), lse: of(lse, 2) };
    launchBackward({ ...windows, rows: count, vocab }, of(out, vocab), upstream, options);
  });
  return stored(out, dtype);
}

/**
 * Cross entropy of logits against target indices, in nats: `logsumexp(z) - z[target]`, with label smoothing as in PyTorch. One pass over V
 * forward, one kernel backward; probabilities are never stored.
 *
 * A target that is neither in [0, V) nor `ignoreIndex` gives NaN; `checkTokens` finds such targets while they are still an array.
 *
 * @param logits - [..., V], f32 or f16
 * @param targets - [...], i32 or u32
 * @returns a scalar (f32), or [...] with reduction "none"; differentiable in the logits.
 * @throws ShapeError, DtypeError, ConfigError
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { crossEntropy, linear } from "@dilated/kernels";
 * const device = await openDevice();
 * const hidden = device.randomNormal([1, 3, 32], { seed: 1 }); // [B, N, E]
 * const table = device.randomNormal([256, 32], { seed: 2 }); // [V, E]
 * const loss = crossEntropy(linear(hidden, table), device.tensor([7, 1, 7], [1, 3], { dtype: "i32" }));
 * device.dispose();
 * ```
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkCall("crossEntropy", ARGUMENTS, arguments);
  checkFloats("crossEntropy", { logits });
  const resolved = resolveCrossEntropy(options);
  if (logits.rank === 0 || logits.shape.at(-1) === 0) {
    throw new ShapeError("crossEntropy: logits must be [..., V] with V at least 1", {
      details: describe({ logits }),
      fix: "pass logits of a vocabulary",
    });
  }
  checkTargets("crossEntropy", targets, logits.shape.slice(0, -1));
  const [loss, ...kept] = apply(crossEntropyOp, [logits, targets], resolved);
  for (const tensor of kept) tensor.dispose(); // the tape holds its own handles of what backward needs
  return resolved.reduction === "mean"
    ? meanOverTargets(loss as Tensor, targets, resolved.ignoreIndex)
    : (loss as Tensor);
}

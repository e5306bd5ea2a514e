import {
  apply,
  checkCall,
  type DifferentiableOp,
  type DType,
  field,
  formatShape,
  type Maybe,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import { launchMatmul } from "../matmul/launch.ts";
import type { MatmulProblem } from "../matmul/problem.ts";
import { scaleByTensor } from "../optimizer/clip.ts";
import { checkFloats, describe } from "../shared/check.ts";
import { stored, widen } from "../shared/half.ts";
import { launchBackward, launchForward, meanOverTargets, sumLosses, targetScale } from "./launch.ts";
import {
  CROSS_ENTROPY_OPTIONS,
  type CrossEntropyOptions,
  checkScalarReduction,
  checkTargets,
  type ResolvedCrossEntropy,
  resolveCrossEntropy,
} from "./options.ts";

const ARGUMENTS = {
  x: field.tensor(),
  weight: field.tensor(),
  targets: field.tensor(),
  options: CROSS_ENTROPY_OPTIONS,
};

/** Options, and which gradients the forward pass has to make. */
interface FusedOptions extends ResolvedCrossEntropy {
  readonly needsX: boolean;
  readonly needsWeight: boolean;
  /** Of x and weight, whose gradients are kept in f32 until backward. */
  readonly dtypes: readonly [DType, DType];
}

/** Logits that are held at once, bytes, where a binding allows. */
const CHUNK_BYTES = 64 * 2 ** 20;

const fusedOp: DifferentiableOp<FusedOptions> = {
  name: "linearCrossEntropy",
  forward([x, weight, targets], options) {
    if (!x || !weight || !targets) return { outputs: [], saved: [] };
    const { loss, dx, dw, unit } = x.device.scope(() => fused(x, weight, targets, options));
    const kept = [dx, dw, unit].filter((tensor) => tensor !== undefined);
    return { outputs: [loss, ...kept], saved: [dx, dw, unit] };
  },
  backward({ saved: [dx, dw, unit], grads: [grad], needs: [needsX, needsWeight], options: { dtypes } }) {
    if (!grad) return [];
    const upstream = unit ? scaleByTensor(unit, grad) : grad;
    // Rounded to f16 only now: loss scaling is in `grad`, and what is below f16 without it must not be lost.
    const scaled = (wanted: Maybe<boolean>, made: Maybe<Tensor>, dtype: DType) =>
      wanted && made ? stored(scaleByTensor(made, upstream), dtype) : undefined;
    return grad.device.scope(() => [scaled(needsX, dx, dtypes[0]), scaled(needsWeight, dw, dtypes[1])]);
  },
};

/**
 * Gradients of logits that are stored as f16 for matrix units are this many times those of the summed loss: at most
 * 2^10, and little of them vanishes.
 */
const HALF_GAIN = 2 ** 10;

/**
 * The loss, and the gradients for an upstream gradient of 1 (of `unit`, where there is one), chunk by chunk of rows.
 */
function fused(
  x: Tensor,
  weight: Tensor,
  targets: Tensor,
  options: FusedOptions,
): { loss: Tensor; dx: Maybe<Tensor>; dw: Maybe<Tensor>; unit: Maybe<Tensor> } {
  const { device } = x;
  const [V = 1, E = 1] = weight.shape;
  const T = targets.size;
  const [rows, table] = [widen(x), widen(weight)];
  const chunk = Math.max(1, Math.floor(Math.min(CHUNK_BYTES, device.limits.maxBindingBytes) / (4 * V)));
  const scale = targetScale(targets, options.reduction === "mean", options.ignoreIndex);
  // Matrix units take two operands of one dtype, so the gradient of the logits is stored in that of the weights.
  const half = rows.dtype === "f16" && table.dtype === "f16" && V % 8 === 0;
  const gain = half ? device.full([], HALF_GAIN) : scale;
  const losses = device.empty([T], { label: "row losses" });
  const dx = options.needsX ? device.empty([T, E], { label: "linearCrossEntropy dx" }) : undefined;
  const dw = options.needsWeight ? device.zeros([V, E], { label: "linearCrossEntropy dw" }) : undefined;

  for (let first = 0; first < T; first += chunk) {
    const count = Math.min(chunk, T - first);
    device.scope(() => {
      const part = partOf(rows, first, count, E);
      const ids = partOf(targets, first, count, 1);
      const logits = device.empty([count, V], { label: "linearCrossEntropy logits" });
      const loss = device.empty([count], { label: "row losses" });
      const lse = device.empty([count, 2], { label: "row lse" });
      launchMatmul(problem(count, V, E, { transposeB: true }), { a: part, b: table, c: logits });
      launchForward({ logits, targets: ids, loss, lse, rows: count, vocab: V }, device, options);
      device.copy(loss, losses, { to: first });
      if (!dx && !dw) return;
      // Over the logits, unless their gradient is narrower.
      const out = half
        ? device.empty([count, V], { dtype: "f16", label: "linearCrossEntropy logits grad" })
        : undefined;
      launchBackward({ logits, targets: ids, lse, rows: count, vocab: V }, out, { scale: gain }, options);
      const dz = out ?? logits;
      if (dx) {
        const d = device.empty([count, E], { label: "linearCrossEntropy dx" });
        launchMatmul(problem(count, E, V, {}), { a: dz, b: table, c: d });
        device.copy(d, dx, { to: first * E });
      }
      if (dw) launchMatmul(problem(V, E, count, { transposeA: true, accumulate: true }), { a: dz, b: part, c: dw });
    });
  }
  const made = (grad: Maybe<Tensor>, like: Tensor) =>
    grad && device.adopt({ storage: grad.storage.retain(), shape: like.shape, dtype: "f32", label: grad.label });
  const unit = half && (dx || dw) ? scaleByTensor(scale, device.full([], 1 / HALF_GAIN)) : undefined;
  return { loss: sumLosses(losses, scale), dx: made(dx, x), dw: made(dw, weight), unit };
}

/** Blocks [first, first + count) of a tensor that has `unit` elements a block, copied unless they are all. */
function partOf(tensor: Tensor, first: number, count: number, unit: number): Tensor {
  if (count * unit === tensor.size) return tensor;
  const part = tensor.device.empty([count, unit], { dtype: tensor.dtype, label: "linearCrossEntropy rows" });
  tensor.device.copy(tensor, part, { from: first * unit, count: count * unit });
  return part;
}

function problem(m: number, n: number, k: number, options: Partial<MatmulProblem>): MatmulProblem {
  return {
    batch: 1,
    m,
    n,
    k,
    transposeA: false,
    transposeB: false,
    strideA: 0,
    strideB: 0,
    alpha: 1,
    accumulate: false,
    ...options,
  };
}

/**
 * `crossEntropy(linear(x, weight), targets)` for large vocabularies: the logits [T, V] are never there as a whole, only those of as many rows as fit
 * 64 MiB. Where gradients will be wanted they are made along with the loss, while a chunk's logits are at hand, and scaled in backward: the
 * forward pass then holds one gradient of x and one of weight.
 *
 * A target that is neither in [0, V) nor `ignoreIndex` gives NaN.
 *
 * @param x - [..., E], f32 or f16
 * @param weight - [V, E], f32 or f16
 * @param targets - [...], i32 or u32
 * @param options - as for crossEntropy; reduction "none" is not available
 * @returns a scalar (f32); differentiable in x and weight.
 * @throws ShapeError, DtypeError, DeviceError, ConfigError
 */
export function linearCrossEntropy(
  x: Tensor,
  weight: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  checkCall("linearCrossEntropy", ARGUMENTS, arguments);
  checkFloats("linearCrossEntropy", { x, weight });
  const resolved = resolveCrossEntropy(options);
  checkScalarReduction(resolved.reduction);
  const width = x.shape.at(-1);
  if (weight.rank !== 2 || x.rank === 0 || weight.shape[1] !== width || weight.size === 0) {
    throw new ShapeError("linearCrossEntropy: weight must be [V, E] with E the last axis of x", {
      details: describe({ x, weight }),
      fix: `pass a weight of shape ${formatShape([weight.shape[0] ?? 0, width ?? 0])}`,
    });
  }
  checkTargets("linearCrossEntropy", targets, x.shape.slice(0, -1));
  const { tape } = x.device;
  const [needsX, needsWeight] = [x, weight].map((tensor) => tape?.tracks(tensor.id) ?? false) as [boolean, boolean];
  const [loss, ...kept] = apply(fusedOp, [x, weight, targets], {
    ...resolved,
    needsX,
    needsWeight,
    dtypes: [x.dtype, weight.dtype],
  });
  for (const tensor of kept) tensor.dispose(); // the tape holds its own handles
  return resolved.reduction === "mean"
    ? meanOverTargets(loss as Tensor, targets, resolved.ignoreIndex)
    : (loss as Tensor);
}

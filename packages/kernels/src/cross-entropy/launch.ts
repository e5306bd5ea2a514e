import { countsMeans, type Device, type Maybe, meanOver, type Tensor, type TensorArgument } from "@dilated/core";
import { fitsBinding, forEachBlock } from "../shared/blocks.ts";
import { flatLaunch, rowLanes } from "../shared/launch.ts";
import { type Access, backwardKernels, forwardKernels, inPlaceKernels, reduceKernel } from "./kernels.ts";

/** What the kernels need of the options. */
export interface LossSettings {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
}

/** Lanes of the one workgroup that sums the rows' losses. */
const REDUCE_LANES = 256;

/** Rows of logits [T, V], with what belongs to them; `rows` of them from `first`. */
export interface LogitRows {
  readonly logits: Maybe<TensorArgument>;
  readonly targets: Maybe<TensorArgument>;
  readonly loss: Maybe<TensorArgument>;
  /** The largest logit, and how much the log-sum-exp is above it: their sum would lose the latter beside logits of 1e5 and more. */
  readonly lse: Maybe<TensorArgument>;
  readonly rows: number;
  readonly vocab: number;
}

const accessOf = (vocab: number): Access => (vocab % 4 === 0 ? "vec4" : "scalar");

/** Writes the rows' losses and log-sum-exps. */
export function launchForward(
  { rows, vocab, ...tensors }: LogitRows,
  device: Tensor["device"],
  settings: LossSettings,
): void {
  device.run(forwardKernels[accessOf(vocab)], {
    tensors: { logits: tensors.logits, targets: tensors.targets, loss: tensors.loss, lse: tensors.lse },
    scalars: { vocab, ignored: settings.ignoreIndex, smoothing: settings.labelSmoothing, missing: Number.NaN },
    constants: { LANES: rowLanes(vocab) },
    groups: rows,
    items: rows,
  });
}

/** Upstream gradient of the loss: one number, or one a row. */
export interface Upstream {
  readonly scale: Tensor;
  readonly grad?: Maybe<TensorArgument>;
  readonly perRow?: boolean;
}

/** Writes the gradient of the logits to `out`, or over the logits where `out` is left out. */
export function launchBackward(
  { rows, vocab, logits, targets, lse }: Omit<LogitRows, "loss">,
  out: Maybe<TensorArgument>,
  { scale, grad, perRow = false }: Upstream,
  settings: LossSettings,
): void {
  const { quads, groups, constants } = flatLaunch(rows * Math.ceil(vocab / 4) * 4);
  scale.device.run((out ? backwardKernels : inPlaceKernels)[accessOf(vocab)], {
    tensors: { logits, targets, lse, scale, grad, out },
    scalars: {
      quads,
      vocab,
      ignored: settings.ignoreIndex,
      grad_stride: perRow ? 1 : 0,
      smoothing: settings.labelSmoothing,
    },
    constants,
    groups,
    items: rows,
  });
}

/** [1]: what a row's loss is multiplied by: 1 / (targets that count) for a mean, 1 otherwise. */
export function targetScale(targets: Tensor, mean: boolean, ignoreIndex: number): Tensor {
  return ofTargets(targets, ignoreIndex, mean ? MEAN : SUM);
}

/** Says that a loss is a mean over the targets that count, to who wants to know. */
export function meanOverTargets(loss: Tensor, targets: Tensor, ignoreIndex: number): Tensor {
  if (!countsMeans(loss.device)) return loss;
  const count = ofTargets(targets, ignoreIndex, COUNT);
  meanOver(loss, count, `targets ${targets.id} but ${ignoreIndex}`, targets.size);
  count.dispose();
  return loss;
}

/** What the reduction makes of the number of targets. */
const [SUM, MEAN, COUNT] = [0, 1, 2] as const;

function ofTargets(targets: Tensor, ignoreIndex: number, mean: 0 | 1 | 2): Tensor {
  const { device } = targets;
  return device.scope(() => {
    const scalars = { ignored: ignoreIndex, mean };
    const label = mean === COUNT ? "targets" : "loss scale";
    if (fitsBinding(device, targets)) return reduce(device, targets.size, { targets }, scalars, label);
    // Those of each window are counted, and then the counts.
    const counts = inWindows(targets, (part, rows) =>
      reduce(device, rows, { targets: part }, { ...scalars, mean: COUNT }, label),
    );
    return reduce(device, counts.size, { loss: counts }, scalars, label);
  });
}

/** Scalar: scale times the sum of the rows' losses, in a fixed order. */
export function sumLosses(loss: Tensor, scale: Tensor): Tensor {
  const { device } = loss;
  const scalars = { ignored: 0, mean: 0 };
  return device.scope(() => {
    if (fitsBinding(device, loss)) return reduce(device, loss.size, { loss, scale }, scalars, "loss");
    const one = device.full([], 1);
    const sums = inWindows(loss, (part, rows) => reduce(device, rows, { loss: part, scale: one }, scalars, "loss"));
    return reduce(device, sums.size, { loss: sums, scale }, scalars, "loss");
  });
}

/** One number for each window of what is longer than a binding. */
function inWindows(x: Tensor, work: (part: TensorArgument, rows: number) => Tensor): Tensor {
  const { device } = x;
  const numbers: Tensor[] = [];
  forEachBlock("crossEntropy", device, x.size, [[x, 1]], ({ count, of }) => numbers.push(work(of(x, 1) ?? x, count)));
  const all = device.empty([numbers.length], { label: "loss" });
  for (const [i, number] of numbers.entries()) device.copy(number, all, { to: i });
  return all;
}

/** A number made of `rows` targets, or of their losses; without a scale, of numbers of targets. */
function reduce(
  device: Device,
  rows: number,
  tensors: Readonly<Partial<Record<"targets" | "loss" | "scale", TensorArgument>>>,
  scalars: Readonly<Record<"ignored" | "mean", number>>,
  label: string,
): Tensor {
  const result = device.empty([], { label });
  device.run(reduceKernel, {
    tensors: { ...tensors, result },
    scalars: { ...scalars, rows },
    constants: { LANES: REDUCE_LANES, COUNT: tensors.scale === undefined },
    groups: 1,
    items: 1,
  });
  return result;
}

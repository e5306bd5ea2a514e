import { type AttentionCall, EMPTY_LSE } from "../engine.ts";
import { callReference, forEachRow, keyRow, type ReferenceInputs, type WeightedKey } from "./reference.ts";

// How far rounding can take a kernel from the definition: a running error analysis of the algorithm that all kernels
// share, to first order (Higham, "Accuracy and Stability of Numerical Algorithms", chapter 3). A sum of n products is
// off by at most n·u times the sum of their sizes; what follows from it is off by its derivative times that. So the
// bounds grow with the operands as the errors do: no constant stands for what a test happened to show.

/** Unit roundoff of f32, in which everything is computed, and of f16, in which operands and results may be kept. */
const U = 2 ** -24;
const U_HALF = 2 ** -11;
/** Roundings in units of U that are not part of a sum: scale and log2(e), the maximum, exp2 and log2, a merge. */
const FEW = 8;

/** Options of {@link callErrorBounds}. */
export interface ErrorBoundsOptions {
  /**
   * Whether weights and their gradients are rounded to f16 before they are multiplied, and results when they are
   * stored.
   * @defaultValue false
   */
  readonly half?: boolean | undefined;
  /** Gradient that reaches the LSE, [B, H, N]. @defaultValue 0 */
  readonly dlse?: ArrayLike<number> | undefined;
}

/** The largest error of each element, in the shapes of `ReferenceOutput` and `ReferenceGradients`. */
export type ErrorBounds = Readonly<Record<"out" | "lse" | "dq" | "dk" | "dv", Float64Array>>;

/** A key of a row with what rounding does to it. */
interface UncertainKey extends WeightedKey {
  /** Start of its row in k, and in v. */
  readonly at: number;
  readonly value: number;
  /** Error of scale·q·k, and relative error of the unnormalised weight. */
  readonly product: number;
  readonly error: number;
}

/**
 * Bounds of the errors of a kernel that computes in f32, for these operands.
 *
 * @param dout - Gradient of out, [B, N, H, Dv].
 */
export function callErrorBounds(
  inputs: ReferenceInputs,
  dout: ArrayLike<number>,
  call: AttentionCall,
  { half = false, dlse }: ErrorBoundsOptions = {},
): ErrorBounds {
  const { B, N, M, H, G, D, Dv, scale, softcap, outScale, schedule } = call;
  const unit = half ? U_HALF : U;
  const { out } = callReference(inputs, call);
  const bounds = {
    out: new Float64Array(out.length),
    lse: new Float64Array(B * H * N),
    dq: new Float64Array(B * N * H * D),
    dk: new Float64Array(B * M * G * D),
    dv: new Float64Array(B * M * G * Dv),
  };
  /** Sizes of what is summed up for each key, and how many of them. */
  const [sizesK, sizesV] = [new Float64Array(bounds.dk.length), new Float64Array(bounds.dv.length)];
  const counts = new Float64Array(B * M * G);
  forEachRow(inputs, call, exact, (b, t, h, { lse, keys: seen }) => {
    if (lse < EMPTY_LSE / 2) return; // a row that sees nothing is 0, exactly
    const row = (b * N + t) * H + h;
    const [query, result] = [row * D, row * Dv];
    const keys = seen.map((key): UncertainKey => {
      const own = keyRow(call, b, key.u, h);
      const [at, value] = [own * D, own * Dv];
      const product = (D + FEW) * U * scale * sizeOfDot(inputs.q, query, inputs.k, at, D);
      const capped = softcap === null ? product : product * key.slope + FEW * U * softcap;
      return { ...key, at, value, product, error: capped + shiftError(key.score, lse) };
    });
    const sum = (keys.length + FEW) * U;
    const lseError = keys.reduce((total, { weight, error }) => total + weight * error, shiftError(0, lse) + sum);
    bounds.lse[(b * H + h) * N + t] = lseError;

    /** Error of what a set of weights gives, which sums up to `whole`. */
    const outError = (d: number, whole: number, weights: readonly UncertainKey[], of: "weight" | "own"): number => {
      let [error, size, left] = [0, 0, 1];
      for (const key of weights) {
        const value = outScale * key.factor * (inputs.v[key.value + d] as number);
        error += key[of] * key.error * Math.abs(value - whole);
        size += key[of] * Math.abs(value);
        left -= key[of];
      }
      // The rest of the weight is that of zero keys.
      return (
        error + Math.max(0, left) * shiftError(0, lse) * Math.abs(whole) + (sum + unit) * size + unit * Math.abs(whole)
      );
    };
    for (let d = 0; d < Dv; d++) bounds.out[result + d] = outError(d, out[result + d] as number, keys, "weight");

    /** dO·O of a part or of all, and its error. */
    const deltaOf = (weights: readonly UncertainKey[], of: "weight" | "own"): [delta: number, error: number] => {
      let [delta, error, size] = [0, 0, 0];
      for (let d = 0; d < Dv; d++) {
        const whole = weights.reduce(
          (total, key) => total + outScale * key[of] * key.factor * (inputs.v[key.value + d] as number),
          0,
        );
        const gradient = dout[result + d] as number;
        delta += gradient * whole;
        size += Math.abs(gradient * whole);
        error += Math.abs(gradient) * outError(d, whole, weights, of);
      }
      return [delta, error + (Dv + FEW) * U * size];
    };
    const detached = schedule.parts.length > 1;
    const deltas = detached
      ? schedule.parts.map((_, part) =>
          deltaOf(
            keys.filter((key) => key.part === part),
            "own",
          ),
        )
      : [deltaOf(keys, "weight")];
    const throughLse = dlse?.[(b * H + h) * N + t] ?? 0;
    for (const { at, value, part, weight, error, factor, slope, product } of keys) {
      const [delta, deltaError] = deltas[detached ? part : 0] as [number, number];
      const dP = factor * outScale * dot(dout, result, inputs.v, value, Dv);
      const g = dP - delta + throughLse;
      const sizes = (Dv + FEW) * factor * outScale * sizeOfDot(dout, result, inputs.v, value, Dv);
      const gError = U * (sizes + FEW * (Math.abs(dP) + Math.abs(delta) + Math.abs(throughLse))) + deltaError;
      const slopeError = softcap === null ? 0 : 2 * Math.sqrt(1 - slope) * (product / softcap) + FEW * U;
      const weightError = error + lseError;
      const dS = scale * weight * Math.abs(g) * slope;
      const dSError =
        scale * weight * (slope * (weightError * Math.abs(g) + gError) + slopeError * Math.abs(g)) +
        (unit + FEW * U) * dS;
      const kept = weight * factor * outScale;
      for (let d = 0; d < D; d++) {
        const [q, k] = [inputs.q[query + d], inputs.k[at + d]].map((x) => Math.abs(x as number)) as [number, number];
        add(bounds.dq, query + d, dSError * k + (sum + unit) * dS * k);
        add(bounds.dk, at + d, dSError * q);
        add(sizesK, at + d, dS * q);
      }
      for (let d = 0; d < Dv; d++) {
        const gradient = Math.abs(dout[result + d] as number);
        add(bounds.dv, value + d, (weightError + unit) * kept * gradient);
        add(sizesV, value + d, kept * gradient);
      }
      add(counts, at / D, 1);
    }
  });
  const sumError = (row: number): number => ((counts[row] as number) + FEW) * U + unit;
  sizesK.forEach((size, i) => {
    add(bounds.dk, i, sumError(Math.floor(i / D)) * size);
  });
  sizesV.forEach((size, i) => {
    add(bounds.dv, i, sumError(Math.floor(i / Dv)) * size);
  });
  return bounds;
}

const exact = (value: number): number => value;

/** Scores are rounded, taken from the largest one, and go through exp2, whose error grows with its argument. */
function shiftError(score: number, lse: number): number {
  return FEW * U * (1 + Math.abs(score) + Math.abs(score - lse));
}

function dot(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, length: number): number {
  let sum = 0;
  for (let d = 0; d < length; d++) sum += (a[i + d] as number) * (b[j + d] as number);
  return sum;
}

/** Sum of the products' sizes. */
function sizeOfDot(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, length: number): number {
  let sum = 0;
  for (let d = 0; d < length; d++) sum += Math.abs((a[i + d] as number) * (b[j + d] as number));
  return sum;
}

function add(array: Float64Array, index: number, value: number): void {
  array[index] = (array[index] as number) + value;
}

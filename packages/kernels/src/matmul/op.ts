import type { BackwardCall, DifferentiableOp, Maybe, Shape, Tensor } from "@dilated/core";
import { runCurve } from "../elementwise/unary.ts";
import { sumAxis } from "../reduce/fold.ts";
import { runMatmul } from "./launch.ts";
import type { LinearActivation, MatmulProblem } from "./problem.ts";

/** A matmul whose shapes were checked. */
export interface MatmulCall {
  readonly problem: Omit<MatmulProblem, "accumulate">;
  readonly shape: Shape;
  /** B is one matrix for a batch of As. */
  readonly sharedB: boolean;
  readonly a: { readonly shape: Shape; readonly dtype: Tensor["dtype"] };
  readonly b: { readonly shape: Shape; readonly dtype: Tensor["dtype"] };
  readonly bias: Maybe<{ readonly shape: Shape; readonly dtype: Tensor["dtype"] }>;
  /** Fused: see `fusesEpilogue`. */
  readonly activation?: Maybe<LinearActivation>;
  /** Backward will come, so what the activation is given must be kept. */
  readonly keep?: boolean;
}

/** a, b, bias, residual -> C; gradients are matmuls with other transposes. */
export const matmulOp: DifferentiableOp<MatmulCall> = {
  name: "matmul",
  forward([a, b, bias, residual], { problem, shape, activation, keep, a: { dtype } }) {
    if (!a || !b) return { outputs: [], saved: [] };
    // relu's slope can be read off its result.
    const before = keep && activation && (activation !== "relu" || residual);
    const kept = before ? a.device.empty(shape, { dtype, label: "before activation" }) : undefined;
    const full = { ...problem, accumulate: false, activation };
    const y = runMatmul(full, { a, b, bias, residual, before: kept }, shape, dtype);
    return { outputs: [y], saved: [a, b, keep && activation ? (kept ?? y) : undefined] };
  },
  backward(call) {
    const [after] = call.grads;
    const [needsA, needsB, needsBias] = call.needs;
    const { activation } = call.options;
    const [, , kept] = call.saved;
    if (!after) return [];
    return after.device.scope(() => {
      const grad = activation && kept ? runCurve(kept, after, { curve: activation, a: 1 }) : after;
      return [
        needsA ? gradA(call, grad) : undefined,
        needsB ? gradB(call, grad) : undefined,
        needsBias ? gradBias(call, grad) : undefined,
        after,
      ];
    });
  },
};

/** dA = alpha · dC·op(B)ᵀ; where A lies transposed, its transpose: alpha · op(B)·dCᵀ. */
function gradA({ saved: [, b], options, place }: BackwardCall<MatmulCall>, grad: Tensor): Maybe<Tensor> {
  if (!b) return undefined;
  const { problem, a } = options;
  const { batch, m, n, k, transposeA, transposeB, strideB, alpha } = problem;
  const shared = { batch, alpha, accumulate: false, k: n };
  return transposeA
    ? runMatmul(
        { ...shared, m: k, n: m, transposeA: transposeB, transposeB: true, strideA: strideB, strideB: m * n },
        { a: b, b: grad },
        a.shape,
        a.dtype,
        () => place?.(0),
      )
    : runMatmul(
        { ...shared, m, n: k, transposeA: false, transposeB: !transposeB, strideA: m * n, strideB },
        { a: grad, b },
        a.shape,
        a.dtype,
        () => place?.(0),
      );
}

/** dB = alpha · op(A)ᵀ·dC; where B lies transposed, its transpose: alpha · dCᵀ·op(A). A shared B gets the sum over the batch. */
function gradB({ saved: [a], options, place }: BackwardCall<MatmulCall>, grad: Tensor): Maybe<Tensor> {
  if (!a) return undefined;
  const { problem, b, sharedB } = options;
  const { batch, m, n, k, transposeA, transposeB, strideA, alpha } = problem;
  const summed = sharedB && batch > 1; // only a transposed A keeps its batch beside a shared B: else it was flattened
  const [shape, dtype] = summed ? [[batch, ...b.shape], "f32" as const] : [b.shape, b.dtype];
  const shared = { batch, alpha, accumulate: false, k: m };
  const own = () => (summed ? undefined : place?.(1));
  const all = transposeB
    ? runMatmul(
        { ...shared, m: n, n: k, transposeA: true, transposeB: transposeA, strideA: m * n, strideB: strideA },
        { a: grad, b: a },
        shape,
        dtype,
        own,
      )
    : runMatmul(
        { ...shared, m: k, n, transposeA: !transposeA, transposeB: false, strideA, strideB: m * n },
        { a, b: grad },
        shape,
        dtype,
        own,
      );
  if (!summed) return all;
  return sumAxis(
    all,
    { outer: 1, n: batch, inner: n * k },
    { scale: 1, shape: b.shape, dtype: b.dtype, label: "matmul grad", place: () => place?.(1) },
  );
}

/** Sum of dC over everything but its columns. */
function gradBias({ options, place }: BackwardCall<MatmulCall>, grad: Tensor): Maybe<Tensor> {
  const { problem, bias } = options;
  if (!bias) return undefined;
  const { shape, dtype } = bias;
  const axis = { outer: 1, n: problem.batch * problem.m, inner: problem.n };
  return sumAxis(grad, axis, { scale: 1, shape, dtype, label: "bias grad", place: () => place?.(2) });
}

/** What an AdamW step leaves, in f64. */
export interface AdamWState {
  param: Float64Array;
  m: Float64Array;
  v: Float64Array;
}

/** One AdamW step as PyTorch documents it: decay, moments, bias correction, update. */
export function adamWReference(
  state: AdamWState,
  grad: ArrayLike<number>,
  o: { lr: number; beta1: number; beta2: number; eps: number; weightDecay: number; step: number; gradScale?: number },
): AdamWState {
  const { param, m, v } = { param: state.param.slice(), m: state.m.slice(), v: state.v.slice() };
  param.forEach((p, i) => {
    const g = Number(grad[i]) * (o.gradScale ?? 1);
    const mean = o.beta1 * Number(m[i]) + (1 - o.beta1) * g;
    const square = o.beta2 * Number(v[i]) + (1 - o.beta2) * g * g;
    m[i] = mean;
    v[i] = square;
    const denominator = Math.sqrt(square) / Math.sqrt(1 - o.beta2 ** o.step) + o.eps;
    param[i] = p * (1 - o.lr * o.weightDecay) - (o.lr / (1 - o.beta1 ** o.step)) * (mean / denominator);
  });
  return { param, m, v };
}

/** One SGD step as PyTorch documents it, dampening 0; `velocity` starts at zeros. */
export function sgdReference(
  param: Float64Array,
  velocity: Float64Array,
  grad: ArrayLike<number>,
  o: { lr: number; momentum: number; nesterov: boolean; weightDecay: number; gradScale?: number },
): { param: Float64Array; velocity: Float64Array } {
  const speed = velocity.slice();
  const moved = param.map((p, i) => {
    const g = Number(grad[i]) * (o.gradScale ?? 1) + o.weightDecay * p;
    speed[i] = o.momentum * Number(speed[i]) + g;
    if (o.momentum === 0) return p - o.lr * g;
    return p - o.lr * (o.nesterov ? g + o.momentum * Number(speed[i]) : Number(speed[i]));
  });
  return { param: moved, velocity: speed };
}

/** Euclidean norm of everything together, in f64. */
export function normReference(grads: readonly ArrayLike<number>[]): number {
  return Math.sqrt(grads.reduce((sum, grad) => sum + Array.from(grad).reduce((part, g) => part + g * g, 0), 0));
}

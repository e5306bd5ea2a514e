import {
  apply,
  checkCall,
  type DifferentiableOp,
  DtypeError,
  field,
  reshape,
  type Shape,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import { sum } from "@dilated/kernels";

const COUNT = field.nonNegativeInteger(2 ** 31 - 1);
const SLICE = { x: field.tensor("[B, N, ...]"), start: field.number(), end: field.number() };
const PAD = { x: field.tensor("[B, N, ...]"), before: COUNT, after: COUNT };
const PREPEND = { x: field.tensor("[B, N, E]"), token: field.tensor("of E elements") };

interface Move {
  /** [B, N, ...] of the source and of the result. */
  readonly from: Shape;
  readonly to: Shape;
  /** Row of the result that holds row 0 of the source; negative cuts rows off. */
  readonly shift: number;
}

/** Copies rows of each sample to other rows; rows that nothing is copied to are 0. */
const moveOp: DifferentiableOp<Move> = {
  name: "moveTokens",
  forward: ([x], move) => ({ outputs: x ? [moved(x, move)] : [], saved: [] }),
  backward: ({ grads: [grad], options: { from, to, shift } }) => [
    grad && moved(grad, { from: to, to: from, shift: -shift }),
  ],
};

function moved(x: Tensor, { from, to, shift }: Move): Tensor {
  const [B = 1, N = 0, ...rest] = from;
  const M = to[1] ?? 0;
  const width = rest.reduce((product, axis) => product * axis, 1);
  const covered = shift <= 0 && N + shift >= M;
  const options = { dtype: x.dtype, label: "tokens" };
  const y = covered ? x.device.empty(to, options) : x.device.zeros(to, options);
  const first = Math.max(0, shift);
  const count = Math.min(M, N + shift) - first;
  for (let b = 0; b < B && count > 0; b++) {
    x.device.copy(x, y, { from: (b * N + first - shift) * width, to: (b * M + first) * width, count: count * width });
  }
  return y;
}

function move(x: Tensor, M: number, shift: number): Tensor {
  const [B = 1, , ...rest] = x.shape;
  return apply(moveOp, [x], { from: x.shape, to: [B, M, ...rest], shift })[0] as Tensor;
}

/**
 * Tokens [start, end) of each sample, copied: [B, N, ...] -> [B, end - start, ...]. Differentiable.
 *
 * @throws ShapeError unless 0 <= start < end <= N.
 */
export function sliceTokens(x: Tensor, start: number, end: number): Tensor {
  checkCall("sliceTokens", SLICE, arguments);
  const N = x.shape[1] ?? 0;
  if (!(x.rank >= 2 && Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= N)) {
    throw new ShapeError("sliceTokens: the range does not fit", {
      details: [`x: ${String(x)}`, `start ${start}, end ${end}`],
      fix: "0 <= start < end <= N",
    });
  }
  return start === 0 && end === N ? x : move(x, end - start, -start);
}

/** Zero tokens before and behind those of x: [B, N, ...] -> [B, before + N + after, ...]. Differentiable. */
export function padTokens(x: Tensor, before: number, after: number): Tensor {
  checkCall("padTokens", PAD, arguments);
  if (x.rank < 2) {
    throw new ShapeError("padTokens: x must be [B, N, ...]", { details: [String(x)], fix: "pass states of tokens" });
  }
  return before === 0 && after === 0 ? x : move(x, before + (x.shape[1] ?? 0) + after, before);
}

const prependOp: DifferentiableOp<{ readonly rows: Shape; readonly token: Shape }> = {
  name: "prependToken",
  forward: ([x, token], { rows: [B = 1, N = 0, E = 0] }) => {
    if (!x || !token) return { outputs: [], saved: [] };
    const y = x.device.empty([B, N + 1, E], { dtype: x.dtype, label: "tokens" });
    for (let b = 0; b < B; b++) {
      x.device.copy(token, y, { to: b * (N + 1) * E });
      x.device.copy(x, y, { from: b * N * E, to: (b * (N + 1) + 1) * E, count: N * E });
    }
    return { outputs: [y], saved: [] };
  },
  backward: ({ grads: [grad], needs, options: { rows, token } }) => {
    if (!grad) return [];
    const [B = 1, N = 0, E = 0] = rows;
    const whole = [B, N + 1, E];
    const dx = needs[0] ? moved(grad, { from: whole, to: rows, shift: -1 }) : undefined;
    const first = needs[1] ? moved(grad, { from: whole, to: [B, 1, E], shift: 0 }) : undefined;
    return [dx, first && reshape(sum(first, { axis: 0 }), token)];
  },
};

/**
 * A token in front of those of each sample: x [B, N, E], token of E elements -> [B, N + 1, E]. Differentiable in both.
 *
 * @throws ShapeError when the token's size is not E.
 */
export function prependToken(x: Tensor, token: Tensor): Tensor {
  checkCall("prependToken", PREPEND, arguments);
  if (x.rank !== 3 || token.size !== x.shape[2]) {
    throw new ShapeError("prependToken: x must be [B, N, E], and the token must have E elements", {
      details: [`x: ${String(x)}`, `token: ${String(token)}`],
      fix: "give the token the width of x",
    });
  }
  if (token.dtype !== x.dtype) {
    throw new DtypeError("prependToken: token and x must be of one dtype", {
      details: [`x: ${String(x)}`, `token: ${String(token)}`],
      fix: "cast(token, x.dtype)",
    });
  }
  return apply(prependOp, [x, token], { rows: x.shape, token: token.shape })[0] as Tensor;
}

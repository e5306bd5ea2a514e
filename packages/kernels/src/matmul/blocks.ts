import { BYTES, type Maybe, type Tensor } from "@dilated/core";
import { putRuns, takeRuns } from "../shared/parts.ts";
import type { MatmulOperands, MatmulProblem } from "./problem.ts";

type Dim = "batch" | "m" | "n" | "k";

/** Blocks of one size along which a problem is cut, in memory of their own. */
export interface MatmulBlocks {
  readonly dim: Dim;
  readonly size: number;
}

/** Starts of blocks that fast kernels want. */
const STRIP = 128;

/**
 * How a problem has to be cut in memory, because windows of its operands (`piecesOf`) would not do: rows, or all of an
 * operand with only columns to cut, are longer than a binding. Undefined where they do.
 */
export function blocksOf(problem: MatmulProblem, { a, b, c, bias }: MatmulOperands): MatmulBlocks | undefined {
  const { device } = c;
  if (device.info.backend === "wasm") return undefined; // it binds nothing
  const { batch, m, n, k, transposeA, transposeB, strideA, strideB } = problem;
  const room = (tensor: Maybe<Tensor>) =>
    tensor ? Math.floor(device.limits.maxBindingBytes / BYTES[tensor.dtype]) : Number.POSITIVE_INFINITY;
  const fits = (tensor: Maybe<Tensor>, elements = tensor?.size ?? 0) => elements <= room(tensor);
  if ([a, b, c, bias].every((tensor) => fits(tensor))) return undefined;
  if (batch > 1) {
    const matrices = fits(a, strideA || a.size) && fits(b, strideB || b.size) && fits(c, m * n) && fits(bias);
    return matrices ? undefined : { dim: "batch", size: 1 };
  }
  const blocks = (dim: Dim, most: number): MatmulBlocks => ({
    dim,
    size: most >= STRIP ? Math.floor(most / STRIP) * STRIP : Math.max(1, most),
  });
  const columns = Math.min(room(c), room(bias), transposeB ? Number.POSITIVE_INFINITY : room(b));
  if (n > columns) return blocks("n", columns);
  const steps = Math.min(...[transposeA ? [] : [room(a)], transposeB ? [room(b)] : []].flat());
  if (k > steps) return blocks("k", steps);
  if (transposeA && m > room(a)) return blocks("m", room(a));
  if (!transposeA || !transposeB || fits(a)) return undefined;
  // Columns of A are copied out row by row, as those of B are: as few rows as can be.
  return k <= n && k <= room(a) ? blocks("m", Math.floor(room(a) / k)) : blocks("k", Math.floor(room(a) / m));
}

/** Runs a problem block by block: `run` does one, to which it adds where the block says so. */
export function inBlocks(
  { dim, size }: MatmulBlocks,
  problem: MatmulProblem,
  { a, b, c, bias }: MatmulOperands,
  run: (problem: MatmulProblem, operands: MatmulOperands) => void,
): void {
  const { device } = c;
  const { batch, m, n, k, transposeA, transposeB, strideA, strideB, accumulate } = problem;
  const sizes: Readonly<Record<Dim, number>> = { batch, m, n, k };
  const total = sizes[dim];
  const axesOfA: readonly Dim[] = [
    ...(strideA ? ["batch" as const] : []),
    ...(transposeA ? (["k", "m"] as const) : (["m", "k"] as const)),
  ];
  const axesOfB: readonly Dim[] = [
    ...(strideB ? ["batch" as const] : []),
    ...(transposeB ? (["n", "k"] as const) : (["k", "n"] as const)),
  ];
  for (let begin = 0; begin < total; begin += size) {
    const count = Math.min(size, total - begin);
    const partOf = (axes: readonly Dim[]) => {
      const lead = axes.slice(0, axes.indexOf(dim)).reduce((product, axis) => product * sizes[axis], 1);
      return { lead, total, begin, count };
    };
    const take = <T extends Maybe<Tensor>>(tensor: T, axes: readonly Dim[]): T =>
      tensor && axes.includes(dim) ? (takeRuns(tensor, partOf(axes)) as T) : tensor;
    device.scope(() => {
      const [A, B] = [take(a, axesOfA), take(b, axesOfB)];
      if (dim === "k") {
        const adds = accumulate || begin > 0;
        run({ ...problem, k: count, accumulate: adds }, { a: A, b: B, c, bias: begin > 0 ? undefined : bias });
        return;
      }
      const axesOfC = ["batch", "m", "n"] as const;
      const label = c.label;
      const C = accumulate ? take(c, axesOfC) : device.empty([(c.size / total) * count], { dtype: c.dtype, label });
      run({ ...problem, [dim]: count }, { a: A, b: B, c: C, bias: take(bias, ["n"]) });
      putRuns(C, c, partOf(axesOfC));
    });
  }
}

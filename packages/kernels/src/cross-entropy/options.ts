import {
  ConfigError,
  DtypeError,
  type Field,
  type Filled,
  field,
  formatShape,
  type Shape,
  ShapeError,
  sameShape,
  type Tensor,
} from "@dilated/core";
import { describe } from "../shared/check.ts";

/** Options of {@link crossEntropy} and {@link linearCrossEntropy}. */
export interface CrossEntropyOptions {
  /** Target that counts for nothing: no loss, no gradient, not in the mean. @defaultValue -1 */
  readonly ignoreIndex?: number | undefined;
  /** Share of the target's probability that is spread over the whole vocabulary, in [0, 1). @defaultValue 0 */
  readonly labelSmoothing?: number | undefined;
  /** "mean" over targets that count (0 when there is none), "sum", or "none": one loss a row. @defaultValue "mean" */
  readonly reduction?: "mean" | "sum" | "none" | undefined;
}

export const CROSS_ENTROPY_OPTIONS: Field<unknown> = field.options<CrossEntropyOptions>({
  ignoreIndex: field.optional(
    field.custom("a whole number of 32 bits", (value) => typeof value === "number" && (value | 0) === value),
  ),
  labelSmoothing: field.optional(field.fraction()),
  reduction: field.optional(field.oneOf(["mean", "sum", "none"])),
});

/** Options with every default filled in. */
export type ResolvedCrossEntropy = Filled<CrossEntropyOptions>;

/** Fills defaults in. */
export function resolveCrossEntropy(options: CrossEntropyOptions): ResolvedCrossEntropy {
  const { ignoreIndex = -1, labelSmoothing = 0, reduction = "mean" } = options;
  return { ignoreIndex, labelSmoothing, reduction };
}

/** Throws unless targets are i32 or u32 with one target a row; `rows` is the shape of the rows. */
export function checkTargets(caller: string, targets: Tensor, rows: Shape): void {
  if (targets.dtype !== "i32" && targets.dtype !== "u32") {
    throw new DtypeError(`${caller}: targets must be i32 or u32`, {
      details: describe({ targets }),
      fix: 'make them with { dtype: "i32" }',
    });
  }
  if (!sameShape(targets.shape, rows)) {
    throw new ShapeError(`${caller}: targets must hold one target a row`, {
      details: [`targets: ${formatShape(targets.shape)}`, `rows: ${formatShape(rows)}`],
      fix: `reshape targets to ${formatShape(rows)}`,
    });
  }
}

/** linearCrossEntropy gives a scalar: there is no loss a row to hand a gradient back to. */
export function checkScalarReduction(reduction: ResolvedCrossEntropy["reduction"]): void {
  if (reduction === "none") {
    throw new ConfigError('linearCrossEntropy: reduction "none" is not available', {
      details: ["gradients are made during the forward pass, for one scalar loss"],
      fix: 'use "mean" or "sum", or crossEntropy(linear(x, weight), targets, { reduction: "none" })',
    });
  }
}

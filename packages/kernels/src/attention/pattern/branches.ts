import { ConfigError, checkCall, field } from "@dilated/core";
import type { Branch } from "./options.ts";

/** Options of {@link geometricBranches}; lengths in tokens. */
export interface GeometricBranchesOptions {
  /** Shortest segment; its dilation is 1, so every token is covered. */
  readonly from: number;
  /** Longest segment, >= `from`; usually the length of the sequence. */
  readonly to: number;
  /** Factor from one branch to the next, an integer >= 2. @defaultValue 2 */
  readonly ratio?: number | undefined;
  /** Dilations stop growing here. With H heads, at most H residues are covered: `maxDilation: H` keeps every branch whole. @defaultValue unlimited */
  readonly maxDilation?: number | undefined;
}

const options = field.options<GeometricBranchesOptions>({
  from: field.positiveInteger(),
  to: field.positiveInteger(),
  ratio: field.optional(
    field.custom("an integer from 2", (value) => Number.isSafeInteger(value) && (value as number) >= 2),
  ),
  maxDilation: field.optional(field.positiveInteger()),
});
const ARGUMENTS = { options };

/**
 * The paper's ladder of branches: segments `from · ratio^i` with dilations `min(ratio^i, maxDilation)`, for i = 0, 1, ... while the segment is
 * shorter than `to`, and then one last branch of exactly `to` tokens with the next dilation. When `to` is `from · ratio^n`, that is the plain
 * geometric sequence; otherwise the last step is shorter than the ratio.
 *
 * Near tokens are seen densely and far ones ever more sparsely; a branch costs w / r² scores a token, so each costs 1 / ratio of the one before.
 *
 * @throws ConfigError - a length, the ratio or the maximum is not an integer in range; lists every bad field
 * @see Ding et al., "LongNet" (arXiv 2307.02486), section 2.3
 *
 * @example
 * ```ts
 * import { geometricBranches } from "@dilated/kernels";
 * geometricBranches({ from: 2048, to: 32768 }); // w 2048, 4096, 8192, 16384, 32768 with r 1, 2, 4, 8, 16
 * geometricBranches({ from: 2048, to: 5000 }); // w 2048, 4096, 5000 with r 1, 2, 4
 * ```
 */
export function geometricBranches(options: GeometricBranchesOptions): Branch[] {
  checkCall("geometricBranches", ARGUMENTS, arguments);
  const { from, to, ratio = 2, maxDilation } = options;
  if (to < from) {
    throw new ConfigError("geometricBranches: the ladder cannot be built", {
      details: [`to: must be at least from = ${from}, given ${to}`],
      fix: "for example geometricBranches({ from: 2048, to: 32768 })",
    });
  }
  const branches: Branch[] = [];
  for (let step = 1; ; step *= ratio) {
    const segment = Math.min(from * step, to);
    branches.push({ segment, dilation: Math.min(step, maxDilation ?? step) });
    if (segment === to) return branches;
  }
}

import { checkCall, checkConfig, field, LimitError } from "@dilated/core";
import type { Branch } from "@dilated/kernels";

/** What a ladder of branches may cost. */
export interface BranchBudget {
  /** Scores a token and head: Σ w_i / r_i². The paper's ladder takes 4,267. @defaultValue 4096, or as few as a ladder can take where none is that cheap */
  readonly pairs?: number;
  /** Rows of K a head that a decoder keeps: Σ w_i / r_i. The paper's ladder takes 11,605. @defaultValue no bound */
  readonly rows?: number;
}

const SMALLEST = 16;
const PAIRS = 4096;
const schema = {
  pairs: field.optional(field.positive()),
  rows: field.withDefault(field.positive(), Number.MAX_VALUE),
};

const ARGUMENTS = {
  N: field.positiveInteger(),
  H: field.positiveInteger(),
  budget: field.options<BranchBudget>(schema),
};

/**
 * A ladder of branches for sequences of N tokens that costs no more than the budget: segments double from the longest dense window that the budget
 * allows, dilations double with them, and the last segment is N. No dilation is over H: it would leave tokens out that no head selects.
 *
 * @param N - tokens of a sequence
 * @param H - heads
 * @throws ConfigError for bad sizes; LimitError when no ladder keeps to a budget that was given, with the cheapest there is.
 * @example
 * ```ts
 * import { suggestBranches } from "@dilated/models";
 * const branches = suggestBranches(32_768, 12); // 2048 / 1, 4096 / 2, 8192 / 4, 16384 / 8, 32768 / 12
 * ```
 */
export function suggestBranches(N: number, H: number, budget: BranchBudget = {}): Branch[] {
  checkCall("suggestBranches", ARGUMENTS, arguments);
  const { pairs, rows } = checkConfig("suggestBranches", schema, budget);
  let cheapest: Branch[] = [];
  let affordable: Branch[] = [];
  const longest = 2 ** Math.floor(Math.log2(N));
  for (let from = longest; from >= Math.min(SMALLEST, longest); from /= 2) {
    const branches = ladder(from, N, H);
    const fits = cost(branches, 1) <= rows;
    if (cost(branches, 2) <= (pairs ?? PAIRS) && fits) return branches;
    if (cheapest.length === 0 || cost(branches, 2) < cost(cheapest, 2)) cheapest = branches;
    if (fits && (affordable.length === 0 || cost(branches, 2) < cost(affordable, 2))) affordable = branches;
  }
  if (pairs === undefined && affordable.length > 0) return affordable;
  const least = (power: number): number => Math.ceil(cost(cheapest, power));
  throw new LimitError("suggestBranches: no ladder is that cheap", {
    details: [
      `budget: ${pairs ?? "any number of"} pairs, ${rows === Number.MAX_VALUE ? "any number of" : rows} rows`,
      `cheapest: ${least(2)} pairs, ${least(1)} rows`,
    ],
    fix: `pass { pairs: ${least(2)}, rows: ${least(1)} } or more, or use more heads or shorter sequences`,
  });
}

/** Segments of one dilation contain each other, so that only the longest is kept where H bounds the dilation. */
function ladder(from: number, N: number, H: number): Branch[] {
  const branches: Branch[] = [];
  let step = 1;
  for (; from * step < N && step < H; step *= 2) branches.push({ segment: from * step, dilation: step });
  return [...branches, { segment: N, dilation: Math.min(step, H) }];
}

/** Σ w / r^power */
function cost(branches: readonly Branch[], power: number): number {
  return branches.reduce((total, { segment, dilation }) => total + segment / dilation ** power, 0);
}

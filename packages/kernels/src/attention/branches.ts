import { ConfigError } from "@dilated/core";
import type { Branch } from "./attention.options.ts";

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

const KNOWN = ["from", "to", "ratio", "maxDilation"];

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
  const { from, to, ratio = 2, maxDilation } = options;
  const bad = Object.keys(options)
    .filter((key) => !KNOWN.includes(key))
    .map((key) => `unknown key "${key}"; known are ${KNOWN.join(", ")}`);
  if (!atLeast(from, 1)) bad.push(`from: must be an integer >= 1, given ${String(from)}`);
  if (!atLeast(to, 1) || to < from) bad.push(`to: must be an integer >= from = ${String(from)}, given ${String(to)}`);
  if (!atLeast(ratio, 2)) bad.push(`ratio: must be an integer >= 2, given ${String(ratio)}`);
  if (maxDilation !== undefined && !atLeast(maxDilation, 1))
    bad.push(`maxDilation: must be an integer >= 1, given ${String(maxDilation)}`);
  if (bad.length > 0) {
    throw new ConfigError("geometricBranches: the ladder cannot be built", {
      details: bad,
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

function atLeast(value: unknown, minimum: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= minimum;
}

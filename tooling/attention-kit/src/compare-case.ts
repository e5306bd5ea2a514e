import { type Device, f16ToF32, f32ToF16 } from "@dilated/core";
import {
  attentionErrorBounds,
  type ErrorBounds,
  keysOfRow,
  naiveHalfAttention,
  type ResolvedAttention,
} from "@dilated/kernels/reference";
import { type AttentionCase, caseInputs, resolveCase } from "./cases.ts";
import { type Results, type RunOptions, referenceCase, runCase } from "./run-case.ts";
import { runInParts } from "./run-in-parts.ts";

/** Of unit variance, f32 may be off this much; of other operands, what rounding can do at most. */
const F32_TOLERANCE = 2e-5;
/** Where rows see fewer keys, naive f16 may be exact by luck, and is no measure then. */
const FEW_KEYS = 16;

/** How far one result of a case is from the oracle, and how far it may be. */
export interface CaseError {
  readonly tensor: keyof Results;
  readonly error: number;
  readonly limit: number;
}

/** What to compare. */
export interface CompareOptions extends Omit<RunOptions, "dtype"> {
  /** As many parts of the keys, merged, instead of one call; see `runInParts`. @defaultValue one call */
  readonly parts?: number | undefined;
}

/**
 * Runs a case, forward and gradients, and compares it with the f64 oracle. f32: each element may be off by 2e-5, or by
 * what rounding can do at most to these operands. f16: by the root mean square, which may be twice that of the
 * computation that rounds every intermediate to f16; where there are few keys, what rounding weights, values and
 * results to f16 can do at most.
 */
export async function compareCase(
  device: Device,
  test: AttentionCase,
  dtype: "f32" | "f16",
  { inputs: exact = caseInputs(test), dlse, parts }: CompareOptions = {},
): Promise<CaseError[]> {
  const round = (values: Float32Array): Float32Array => (dtype === "f16" ? f16ToF32(f32ToF16(values)) : values);
  const inputs = { ...exact, q: round(exact.q), k: round(exact.k), v: round(exact.v), dout: round(exact.dout) };
  const options = { dtype, inputs, dlse };
  const got = await (parts === undefined ? runCase(device, test, options) : runInParts(device, test, parts, options));
  const want = referenceCase(test, inputs, dlse);
  const resolved = resolveCase(test);
  const few = dtype === "f16" && keysOfRows(resolved) < FEW_KEYS;
  // Most are well within what is asked of unit variance: only the others need the bounds.
  let found: ErrorBounds | undefined;
  const bounds = (): ErrorBounds => {
    found ??= attentionErrorBounds(inputs, inputs.dout, resolved, { half: few, dlse });
    return found;
  };
  if (dtype === "f32") return tensorsOf(want).map((tensor) => worstOf(tensor, got[tensor], want[tensor], bounds));
  const { forward, gradients } = naiveHalfAttention(inputs, resolved, inputs.dout, dlse);
  const naive: Partial<Results> = { ...forward, ...gradients };
  return tensorsOf(want).map((tensor) => {
    const wanted = Float32Array.from(want[tensor]); // an empty lse is a number of f32
    const error = rms(got[tensor], wanted);
    const limit = Math.max(F32_TOLERANCE, 2 * rms(Float32Array.from(naive[tensor] ?? []), wanted));
    return { tensor, error, limit: error <= limit ? limit : Math.max(limit, rms(bounds()[tensor])) };
  });
}

/** Keys that a row sees on average, among those that see any. */
function keysOfRows(resolved: ResolvedAttention): number {
  let [keys, rows] = [0, 0];
  for (let h = 0; h < resolved.H; h++) {
    for (let t = 0; t < resolved.N; t++) {
      const seen = keysOfRow(resolved, h, t).reduce((sum, branch) => sum + branch.keys.length, 0);
      keys += seen;
      if (seen > 0) rows++;
    }
  }
  return keys / Math.max(1, rows);
}

/** The element that is furthest off for what it may be; infinitely, where anything is not a number. */
function worstOf(
  tensor: keyof Results,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bounds: () => ErrorBounds,
): CaseError {
  let worst: CaseError = { tensor, error: 0, limit: F32_TOLERANCE };
  if (actual.length !== expected.length) return { ...worst, error: Number.POSITIVE_INFINITY };
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs((actual[i] as number) - Math.fround(expected[i] as number));
    const error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    const limit = error <= F32_TOLERANCE ? F32_TOLERANCE : Math.max(F32_TOLERANCE, bounds()[tensor][i] as number);
    if (error / limit > worst.error / worst.limit) worst = { tensor, error, limit };
  }
  return worst;
}

/** Root mean square of the error. */
function rms(actual: ArrayLike<number>, expected?: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < actual.length; i++) sum += ((actual[i] as number) - (expected?.[i] ?? 0)) ** 2;
  return Math.sqrt(sum / Math.max(1, actual.length));
}

function tensorsOf(results: Results): (keyof Results)[] {
  return Object.keys(results) as (keyof Results)[];
}

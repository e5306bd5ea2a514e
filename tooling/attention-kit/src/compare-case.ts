import { type Device, f16ToF32, f32ToF16 } from "@dilated/core";
import { naiveHalfAttention } from "@dilated/kernels/reference";
import { type AttentionCase, caseInputs, resolveCase } from "./cases.ts";
import { type Results, type RunOptions, referenceCase, runCase } from "./run-case.ts";

/** Arithmetic is f32: this much is allowed everywhere, also where the naive computation in f16 is exact by chance. */
const F32_TOLERANCE = 2e-5;

/** How far one result of a case is from the oracle, and how far it may be. */
export interface CaseError {
  readonly tensor: keyof Results;
  readonly error: number;
  readonly limit: number;
}

/**
 * Runs a case, forward and gradients, and compares it with the f64 oracle: f32 by the largest error against 2e-5; f16 by the root mean square, which may be
 * twice that of the computation that rounds every intermediate to f16.
 */
export async function compareCase(
  device: Device,
  test: AttentionCase,
  dtype: "f32" | "f16",
  { inputs: exact = caseInputs(test), dlse }: Omit<RunOptions, "dtype"> = {},
): Promise<CaseError[]> {
  if (dtype === "f32") {
    const [got, want] = [await runCase(device, test, { inputs: exact, dlse }), referenceCase(test, exact, dlse)];
    return tensorsOf(want).map((tensor) => {
      const error = largest(got[tensor], Float32Array.from(want[tensor]));
      return { tensor, error, limit: F32_TOLERANCE * sizeOf(test) };
    });
  }
  const round = (values: Float32Array): Float32Array => f16ToF32(f32ToF16(values));
  const inputs = { ...exact, q: round(exact.q), k: round(exact.k), v: round(exact.v), dout: round(exact.dout) };
  const got = await runCase(device, test, { dtype, inputs, dlse });
  const want = referenceCase(test, inputs, dlse);
  const { forward, gradients } = naiveHalfAttention(inputs, resolveCase(test), inputs.dout, dlse);
  const naive: Partial<Results> = { ...forward, ...gradients };
  return tensorsOf(want).map((tensor) => {
    const wanted = Float32Array.from(want[tensor]); // an empty lse is a number of f32
    const limit = 2 * rms(Float32Array.from(naive[tensor] ?? []), wanted);
    return { tensor, error: rms(got[tensor], wanted), limit: Math.max(limit, F32_TOLERANCE * sizeOf(test)) };
  });
}

/** Rounding goes with the size of scores, which is that of q times that of k. */
export function sizeOf({ size = 1 }: AttentionCase): number {
  return size ** 2;
}

/** Largest absolute error; infinite where anything is not a number. */
function largest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = actual.length === expected.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs((actual[i] as number) - (expected[i] as number));
    worst = error <= worst ? worst : Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst;
}

/** Root mean square of the error. */
function rms(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < expected.length; i++) sum += ((actual[i] as number) - (expected[i] as number)) ** 2;
  return Math.sqrt(sum / Math.max(1, expected.length));
}

function tensorsOf(results: Results): (keyof Results)[] {
  return Object.keys(results) as (keyof Results)[];
}

import { checkCall, type Device, type DType, field, ShapeError, type Tensor } from "@dilated/core";
import { checkNumber } from "../shared/check.ts";
import { kernelDtype, stored } from "../shared/half.ts";
import { launchRotation } from "./rotate.ts";
import { BASE, MAX_POSITION } from "./validate.ts";

/** Options of {@link sinusoidPositions}. */
export interface SinusoidOptions {
  /** Position of the first row. @defaultValue 0 */
  readonly offset?: number | undefined;
  /** Pair j of E / 2 turns by base^(-2j / E) rad a token. @defaultValue 10000 */
  readonly base?: number | undefined;
  /** true: channel 2j holds the sine and 2j + 1 the cosine (the paper); false: all sines, then all cosines (fairseq). @defaultValue true */
  readonly interleaved?: boolean | undefined;
  /** @defaultValue "f32" */
  readonly dtype?: Extract<DType, "f32" | "f16"> | undefined;
}

const options = field.options<SinusoidOptions>({
  offset: field.optional(field.number()),
  base: field.optional(BASE),
  interleaved: field.optional(field.boolean()),
  dtype: field.optional(field.oneOf(["f32", "f16"])),
});
const ARGUMENTS = {
  device: field.device(),
  N: field.nonNegativeInteger(MAX_POSITION),
  E: field.positiveInteger(65_536),
  options,
};

/**
 * Sinusoidal position table. Exact to f32 at any position up to 2^24.
 *
 * @param N - rows
 * @param E - model width, a multiple of 4
 * @returns [N, E]
 * @throws ShapeError, ConfigError
 * @see Attention Is All You Need (arXiv 1706.03762), section 3.5
 */
export function sinusoidPositions(device: Device, N: number, E: number, options: SinusoidOptions = {}): Tensor {
  checkCall("sinusoidPositions", ARGUMENTS, arguments);
  const { offset = 0, base = 10_000, interleaved = true, dtype = "f32" } = options;
  if (E % 4 !== 0) {
    throw new ShapeError("sinusoidPositions: E must be a multiple of 4", {
      details: [`N: ${N}, E: ${E}`],
      fix: "round E up to a multiple of 4",
    });
  }
  checkNumber(
    "sinusoidPositions",
    "offset",
    offset,
    "a whole number; the last position at most 2^24",
    (at) => Number.isInteger(at) && Math.abs(at) + N <= 2 ** 24,
  );
  return device.scope(() => {
    const y = device.empty([1, N, 1, E], { dtype: kernelDtype(device, dtype), label: "sinusoid" });
    // The pair (0, 1), turned back by the angle, is (sin, cos).
    launchRotation(y, undefined, undefined, { base, offset, interleaved, centre: 0, power: 0, direction: -1 });
    const out = stored(y, dtype);
    return device.adopt({ storage: out.storage.retain(), shape: [N, E], dtype, label: "sinusoid" });
  });
}

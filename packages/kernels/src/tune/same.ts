import { eventLoopPauses, type Tensor, type TensorData } from "@dilated/core";

/** Results of one run, read back. */
export type Results = Readonly<Record<string, ReadResult>>;

interface ReadResult {
  readonly values: TensorData;
  /** Elements of a row: the last axis. */
  readonly width: number;
  readonly half: boolean;
}

/** Difference of two variants, relative to the largest element of its row: the order of sums, and for f16 the rounding of operands as well. */
const TOLERANCE = { f32: 1e-4, f16: 2 ** -8 } as const;
/** Rows of nothing but rounding errors; f16 has no numbers between 0 and 2^-24. */
const FLOOR = { f32: 1e-7, f16: 2 ** -23 } as const;

export async function readResults(tensors: Readonly<Record<string, Tensor>>): Promise<Results> {
  const read = Object.entries(tensors).map(async ([name, tensor]) => {
    const { dtype, shape } = tensor;
    return [name, { values: await tensor.data(), width: shape.at(-1) ?? 1, half: dtype === "f16" }] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

/** How `found` differs from the default's results, in words; undefined where it does not, beyond rounding. */
export async function differenceOf(expected: Results, found: Results): Promise<string | undefined> {
  for (const [name, { values, width, half }] of Object.entries(expected)) {
    const other = found[name]?.values;
    if (other?.length !== values.length) return `${name} is missing or of another shape`;
    const dtype = half ? "f16" : "f32";
    const worst = await worstOf(values, other, width, FLOOR[dtype] / TOLERANCE[dtype]);
    if (!(worst.error <= TOLERANCE[dtype])) {
      return `${name}[${worst.at}] is ${other[worst.at]}, not ${values[worst.at]}`;
    }
  }
  return undefined;
}

/** Elements between two chances of a pause: some milliseconds. */
const PART = 2 ** 20;

/** The largest error relative to its row; NaN counts as the largest of all. */
async function worstOf(
  expected: TensorData,
  found: TensorData,
  width: number,
  least: number,
): Promise<{ readonly error: number; readonly at: number }> {
  const pause = eventLoopPauses();
  let error = 0;
  let at = 0;
  for (let row = 0, next = PART; row < expected.length; row += width) {
    if (row >= next) {
      await pause();
      next = row + PART;
    }
    // Tens of millions of elements a variant: plain statements take a third of the time.
    let largest = least;
    let difference = 0;
    let where = row;
    for (let i = row; i < row + width; i++) {
      const x = expected[i] as number;
      const size = Math.abs(x);
      const apart = Math.abs(x - (found[i] as number));
      if (size > largest) largest = size;
      if (apart <= difference) continue;
      if (Number.isNaN(apart)) return { error: Number.POSITIVE_INFINITY, at: i };
      difference = apart;
      where = i;
    }
    if (difference / largest <= error) continue;
    error = difference / largest;
    at = where;
  }
  return { error, at };
}

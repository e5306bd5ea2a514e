import { checkCall, type FieldsOf, field, LimitError, ShapeError } from "@dilated/core";

/** Rows and columns. */
type Size = readonly [rows: number, columns: number];

/** How {@link resizePositions} is called. */
export interface ResizePositionsOptions {
  readonly from: Size;
  readonly to: Size;
  /**
   * Places of `to` per place of `from`, as torch's `scale_factor`. LongViT gives it for images of another size than it was trained on: (places + 0.1) / places
   * trained on. @defaultValue to / from
   */
  readonly scale?: Size | undefined;
}

const isSize = (value: unknown): boolean => Array.isArray(value) && value.length === 2 && value.every(number.test);
const number = field.number();
const SIZE = field.custom("[rows, columns]", isSize);
const OPTIONS: FieldsOf<ResizePositionsOptions> = { from: SIZE, to: SIZE, scale: field.optional(SIZE) };

/** Places a side, and values of a result (2 GiB). */
const MOST = { side: 65_536, values: 2 ** 29 } as const;

/** Of the cubic convolution kernel, as in torch. */
const A = -0.75;

/**
 * A table of learned places [rows · columns, E] for a grid of another size, by bicubic interpolation with half-pixel centres: what LongViT does with
 * `pos_embed` (`torch.nn.functional.interpolate(mode="bicubic", align_corners=False)`).
 *
 * Synchronous: some milliseconds a million values.
 *
 * @returns [to rows · to columns, E], row by row
 * @throws ShapeError when the table does not fill the grid; LimitError for more than 65,536 places a side or 2^29 values.
 * @see Keys 1981, "Cubic convolution interpolation for digital image processing"; torchscale `examples/longvit/utils.py`
 * @example
 * ```ts
 * import { resizePositions } from "@dilated/models";
 * const table = resizePositions(new Float32Array(4 * 4 * 8), { from: [4, 4], to: [16, 16] }); // [256, 8]
 * ```
 */
export function resizePositions(table: ArrayLike<number>, options: ResizePositionsOptions): Float32Array {
  checkCall("resizePositions", { table: field.numbers(), options: field.object(OPTIONS) }, arguments);
  const { from, to, scale } = options;
  const [rows, columns] = from;
  const width = table.length / (rows * columns);
  if (![rows, columns, ...to, width].every((count) => Number.isSafeInteger(count) && count > 0)) {
    throw new ShapeError("resizePositions: the table does not fill its grid", {
      details: [`from: ${from.join(" x ")} places, to: ${to.join(" x ")}`, `values: ${table.length}`],
      fix: "pass rows · columns · E values",
    });
  }
  const values = to[0] * to[1] * width;
  if (Math.max(...to) > MOST.side || values > MOST.values || columns * width > MOST.values) {
    throw new LimitError("resizePositions: the grid is too large", {
      details: [`to: ${to.join(" x ")} places of ${width} values`, `limit: ${MOST.side} a side, ${MOST.values} values`],
      fix: "resize to a smaller grid",
    });
  }
  const [down, across] = [taps(rows, to[0], scale?.[0]), taps(columns, to[1], scale?.[1])];
  const out = new Float32Array(values);
  // One row of the result before columns are resized: [columns, E].
  const line = new Float64Array(columns * width);
  down.forEach((rowTaps, i) => {
    blend(table, rowTaps, columns * width, line, 0);
    across.forEach((columnTaps, j) => {
      blend(line, columnTaps, width, out, (i * to[1] + j) * width);
    });
  });
  return out;
}

/** Weighted sum of four blocks of `width` values. */
function blend(
  source: ArrayLike<number>,
  taps: readonly Tap[],
  width: number,
  out: Float64Array | Float32Array,
  at: number,
): void {
  const [a, b, c, d] = taps as readonly [Tap, Tap, Tap, Tap];
  for (let k = 0; k < width; k++) {
    const value = (tap: Tap): number => tap.weight * (source[tap.index * width + k] as number);
    out[at + k] = value(a) + value(b) + value(c) + value(d);
  }
}

interface Tap {
  readonly index: number;
  readonly weight: number;
}

/** For each place of the result, the four places that it is made of; beyond the edge, the edge counts. */
function taps(from: number, to: number, scale = to / from): Tap[][] {
  return Array.from({ length: to }, (_, i) => {
    const x = (i + 0.5) / scale - 0.5;
    const floor = Math.floor(x);
    return [-1, 0, 1, 2].map((step) => ({
      index: Math.min(from - 1, Math.max(0, floor + step)),
      weight: cubic(Math.abs(x - floor - step)),
    }));
  });
}

/** Keys' kernel at distance x in [0, 2]. */
function cubic(x: number): number {
  return x <= 1 ? ((A + 2) * x - (A + 3)) * x * x + 1 : ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
}

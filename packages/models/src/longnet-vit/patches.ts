import { checkCall, type FieldsOf, field, ShapeError } from "@dilated/core";

/** An image as canvas and decoders give it: rows of pixels, channels side by side. */
export interface Image {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

/** Patches of an image, ready for `LongNetViT`. */
export interface ImagePatches {
  /** [L, 3·patch·patch], channel by channel, as a convolution over patches takes them. */
  readonly values: Float32Array;
  readonly shape: readonly [L: number, C: number];
  /** [L, 2]: x and y of the upper left corner. */
  readonly coordinates: Float32Array;
}

const PIXELS = field.positiveInteger();
const IMAGE: FieldsOf<Image> = { data: field.numbers(), width: PIXELS, height: PIXELS };
/** An ImageData of a canvas is none of our making. */
const ARGUMENTS = {
  image: field.custom("an image: an object with data, width and height", (value) => {
    const { data, width, height } = (value ?? {}) as Image;
    return IMAGE.data.test(data) && IMAGE.width.test(width) && IMAGE.height.test(height);
  }),
  patch: PIXELS,
};

/**
 * Cuts an RGBA image into patches, 0 to 255 -> -1 to 1. What does not fill a patch at the right and lower edge is left out.
 *
 * @param patch - pixels a patch is wide
 * @throws ShapeError when the data do not fit the size, or the image is smaller than a patch.
 * @example
 * ```ts
 * import { imagePatches } from "@dilated/models";
 * const image = { width: 64, height: 32, data: new Uint8ClampedArray(64 * 32 * 4) };
 * console.log(imagePatches(image, 32).shape); // 2 patches of 3072 values
 * ```
 */
export function imagePatches(image: Image, patch: number): ImagePatches {
  checkCall("imagePatches", ARGUMENTS, arguments);
  const { data, width, height } = image;
  const [columns, rows] = [Math.floor(width / patch), Math.floor(height / patch)];
  if (data.length !== 4 * width * height || !(columns * rows >= 1) || !Number.isInteger(patch)) {
    throw new ShapeError("imagePatches: the image does not fit", {
      details: [`${width} x ${height} pixels, ${data.length} values, patches of ${patch}`],
      fix: "pass RGBA data of an image that holds a patch",
    });
  }
  const C = 3 * patch * patch;
  const values = new Float32Array(rows * columns * C);
  const coordinates = new Float32Array(2 * rows * columns);
  let next = 0;
  for (let l = 0; l < rows * columns; l++) {
    const [x0, y0] = [(l % columns) * patch, Math.floor(l / columns) * patch];
    coordinates.set([x0, y0], 2 * l);
    for (let channel = 0; channel < 3; channel++) {
      for (let i = 0; i < patch * patch; i++) {
        const pixel = (y0 + Math.floor(i / patch)) * width + x0 + (i % patch);
        values[next++] = Number(data[4 * pixel + channel]) / 127.5 - 1;
      }
    }
  }
  return { values, shape: [rows * columns, C], coordinates };
}

import { checkCall, type FieldsOf, field, type SafeTensor } from "@dilated/core";
import { atOnce, inTurns, type Parts } from "../parts.ts";
import { openArchive } from "./archive.ts";
import { openMaterializer } from "./materialize.ts";
import { toPlain } from "./plain.ts";
import { selectStateDict } from "./select.ts";
import { unpickle } from "./unpickle.ts";
import { isTensor } from "./values.ts";

/** What {@link readPth} is told. */
export interface ReadPthOptions {
  /**
   * Where the state dict lies in the checkpoint, such as `"model"` or `"teacher"`; `""` is the top. @defaultValue the dictionary that holds at least twice
   * as many tensors as any other
   */
  readonly key?: string | undefined;
  /** Which tensors to read. @defaultValue all of the state dict */
  readonly filter?: ((name: string) => boolean) | undefined;
  /** Bytes that arrays may take beside the file itself. @defaultValue four times the file: enough unless tensors overlap */
  readonly maxBytes?: number | undefined;
}

const OPTIONS: FieldsOf<ReadPthOptions> = {
  key: field.optional(field.string()),
  filter: field.optional(field.func("of a name")),
  maxBytes: field.optional(field.custom("a number of bytes", (value) => typeof value === "number" && value >= 0)),
};

const ARGUMENTS = { bytes: field.bytes(), options: field.options<ReadPthOptions>(OPTIONS) };

/** What a PyTorch checkpoint holds. */
export interface PthFile {
  /** The state dict, in its order; of a file that is a single tensor, that one as `"tensor"`. */
  readonly tensors: Map<string, SafeTensor>;
  /** Everything else as plain data: epoch, arguments, ... Other tensors, such as an optimiser's, appear as `{ dtype, shape }`. */
  readonly metadata: unknown;
}

/**
 * Reads a checkpoint of PyTorch (`.pth`, `.pt`, `.bin`; the zip format of 1.6 and newer). No code is run: the pickle inside is interpreted with a fixed list
 * of what it may name, and anything else is an error that says what it was.
 *
 * f32, f16 and i32 stay what they are, as views of `bytes` where they are contiguous; bf16 widens to f32, f64 is rounded to f32; i64, i16 and i8 become
 * i32, u8 and bool u32. Strided tensors are made contiguous. Big-endian, compressed, legacy (before 1.6) and TorchScript files are refused.
 *
 * Synchronous: it takes some milliseconds for each million values that are converted or made contiguous, and up to
 * seconds for a large pickle. In a page, read large files in a worker; tensors can be sent from there. `openWeights`
 * and `readStateDict` let the event loop in between tensors, and within those that are converted.
 *
 * @throws FormatError for what is no such file, or is damaged; LimitError when the arrays would take more than `maxBytes`.
 * @example
 * ```ts
 * import { type PthFile, readPth } from "@dilated/models";
 * const read = (file: Uint8Array): PthFile => readPth(file, { key: "model" }); // then fromTorchscale(device, read(file).tensors, ...)
 * ```
 * @see PyTorch, `torch/serialization.py`
 */
export function readPth(bytes: Uint8Array, options: ReadPthOptions = {}): PthFile {
  checkCall("readPth", ARGUMENTS, arguments);
  return atOnce(partsOf(bytes, options));
}

/**
 * {@link readPth} for what is read asynchronously anyway: stops between tensors, in long ones, and in a long pickle.
 */
export function readPthInTurns(bytes: Uint8Array): Promise<PthFile> {
  return inTurns(partsOf(bytes, {}));
}

function* partsOf(bytes: Uint8Array, options: ReadPthOptions): Parts<PthFile> {
  const { key, filter = () => true, maxBytes = 4 * bytes.length } = options;
  const { pickle, environment } = openArchive(bytes);
  const root = yield* unpickle(pickle, environment);
  const dict = selectStateDict(root, key);
  const materialize = openMaterializer(maxBytes);
  const tensors = new Map<string, SafeTensor>();
  for (const [name, value] of dict) {
    if (!isTensor(value) || !filter(name)) continue;
    yield;
    tensors.set(name, yield* materialize(value, name));
  }
  return { tensors, metadata: isTensor(root) ? {} : toPlain(root, pickle.length, dict) };
}

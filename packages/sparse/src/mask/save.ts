import {
  checkCall,
  DilatedError,
  FormatError,
  field,
  type OwnBytes,
  parseStrict,
  readSafetensors,
  type SafetensorsFile,
  type StoredToWrite,
  type TensorToWrite,
  writeSafetensors,
} from "@dilated/core";
import { type Captured, type CapturedValues, capture } from "../expression/capture.ts";
import { programFromJson, programToJson } from "../expression/json.ts";
import type { BoolNode, ValueType } from "../expression/node.ts";
import { type Program, programOf } from "../expression/program.ts";
import { type BlockMask, everywhereOf, madeMask } from "./block-mask.ts";
import { checkSizes, SIZES, sizesOf } from "./build.ts";
import { checkedLists } from "./from-blocks.ts";
import { BLOCK_MASK } from "./sources.ts";

const SAVE = { mask: BLOCK_MASK };
const LOAD = { bytes: field.bytes() };
const FORMAT = "dilated.block-mask.1";

/** What is stored beside the lists. */
interface Header {
  readonly sizes: Pick<BlockMask, "N" | "M" | "B" | "H" | "blockSize">;
  readonly keep?: unknown;
  /** Types of what it captures. */
  readonly captures?: readonly ValueType[];
  /** The condition holds outside of the lists as well. */
  readonly everywhere?: boolean;
}

/**
 * A mask as the bytes of a safetensors file: its lists, its condition as JSON, and what that captures. The same mask
 * gives the same bytes.
 */
export function saveMask(mask: BlockMask): OwnBytes {
  checkCall("saveMask", SAVE, arguments);
  const { N, M, B, H, blockSize, offsets, blocks, partial, keep } = mask;
  const tensors: Record<string, TensorToWrite | StoredToWrite> = {
    offsets: { dtype: "u32", shape: [offsets.length], data: offsets },
    blocks: { dtype: "u32", shape: [blocks.length], data: blocks },
    partial: { stored: "U8", shape: [partial.length], bytes: partial },
  };
  let header: Header = { sizes: { N, M, B, H, blockSize } };
  if (keep) {
    const program = programOf(keep);
    for (const [i, { values, shape, type }] of program.captures.entries())
      tensors[`capture.${i}`] = { dtype: type === "bool" ? "u32" : type, shape, data: values as CapturedValues };
    const all = everywhereOf(mask);
    header = {
      ...header,
      keep: programToJson(program),
      captures: program.captures.map(({ type }) => type),
      everywhere: all !== undefined && same(programOf(all), program),
    };
  }
  return writeSafetensors(tensors, { format: FORMAT, mask: JSON.stringify(header) });
}

const same = (a: Program, b: Program): boolean =>
  a.key === b.key && a.captures.every((captured, i) => captured === b.captures[i]);

/**
 * The mask that {@link saveMask} stored.
 *
 * @throws FormatError for bytes that are no mask, or whose lists do not hold together.
 */
export function loadMask(bytes: Uint8Array): BlockMask {
  checkCall("loadMask", LOAD, arguments);
  const file = readSafetensors(bytes);
  if (file.metadata.format !== FORMAT) throw damaged("it is no mask", `format: ${file.metadata.format ?? "none"}`);
  try {
    return restored(file);
  } catch (error) {
    if (!DilatedError.is(error) || error instanceof FormatError) throw error;
    throw damaged("it does not hold together", error.message, error);
  }
}

const damaged = (what: string, detail: string, cause?: unknown): FormatError =>
  new FormatError(`loadMask: ${what}`, {
    details: detail.split("\n"),
    fix: "pass the bytes that saveMask gave",
    ...(cause !== undefined && { cause }),
  });

const HEADER = field.having({ sizes: field.object(SIZES) });

function restored(file: SafetensorsFile): BlockMask {
  const header = parseStrict(file.metadata.mask ?? "null", "loadMask: the header") as Header;
  if (!HEADER.test(header)) throw damaged("its sizes are wrong", String(file.metadata.mask).slice(0, 200));
  const sizes = sizesOf("loadMask", header.sizes);
  const csr = { offsets: words(file, "offsets", "U32"), blocks: words(file, "blocks", "U32") };
  const lists = checkedLists("loadMask", csr, sizes, "the file");
  const partial = words(file, "partial", "U8") as Uint8Array;
  if (partial.length !== lists.blocks.length || partial.some((kind) => kind > 1))
    throw damaged(
      "its blocks are neither full nor partial",
      `${partial.length} kinds of ${lists.blocks.length} blocks`,
    );
  if (!partial.includes(1)) return madeMask({ ...sizes, ...lists });
  const types = Array.isArray(header.captures) ? header.captures : [];
  const captures = types.map((type, i) => captured(file, `capture.${i}`, type));
  const keep = programFromJson("loadMask", header.keep, captures) as BoolNode;
  if (keep.type !== "bool") throw damaged("its condition is no truth value", `a node of type ${keep.type}`);
  checkSizes("loadMask", programOf(keep), sizes);
  return madeMask({ ...sizes, ...lists, partial, keep }, header.everywhere === true ? keep : undefined);
}

const ARRAYS = { U32: Uint32Array, I32: Int32Array, F32: Float32Array, U8: Uint8Array } as const;
const STORED: Readonly<Record<string, keyof typeof ARRAYS>> = { i32: "I32", u32: "U32", f32: "F32", bool: "U32" };

function words(file: SafetensorsFile, name: string, stored: keyof typeof ARRAYS): CapturedValues | Uint8Array {
  const tensor = file.tensors.get(name);
  if (tensor?.stored !== stored)
    throw damaged(`it lacks ${name}`, `${name}: ${tensor?.stored ?? "none"}; needed: ${stored}`);
  const copy = tensor.bytes.slice(); // aligned
  return new ARRAYS[stored](copy.buffer);
}

function captured(file: SafetensorsFile, name: string, type: ValueType): Captured {
  const values = words(file, name, STORED[type] ?? "U8");
  return capture(values, { shape: file.tensors.get(name)?.shape ?? [], type });
}

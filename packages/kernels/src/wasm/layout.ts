/** Type of one 32-bit word of a kernel's parameter block: a byte address, an integer (signed or not) or a float. */
export type WordType = "ptr" | "i32" | "f32";

/**
 * How a WebAssembly kernel is called: what its parameter words mean, how much private scratch a thread needs and how many independent items
 * there are. Byte i·4 of the block holds word i; tensors that are left out have address 0.
 */
export interface KernelLayout<Params> {
  /** Name of the export. */
  readonly entry: string;
  /** Parameter words in order: addresses first, then integers, then floats. */
  readonly words: readonly (readonly [name: string, type: WordType])[];
  /** Bytes of scratch a thread needs, 64-byte aligned. */
  scratchBytes(params: Params): number;
  /** Number of work items. */
  items(params: Params): number;
}

/** Words of one type. */
export function words(type: WordType, names: string): (readonly [name: string, type: WordType])[] {
  return names.split(" ").map((name) => [name, type] as const);
}

/** `x` rounded up to a multiple of `multiple`. */
export function roundUp(x: number, multiple: number): number {
  return Math.ceil(x / multiple) * multiple;
}

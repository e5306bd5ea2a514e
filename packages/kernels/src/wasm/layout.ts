/** What a launch of a WebAssembly kernel needs beside its words, whose list is the kernel's definition. */
export interface KernelLayout<Params> {
  /** Name of the export. */
  readonly entry: string;
  /** Bytes of scratch a thread needs, 64-byte aligned. */
  scratchBytes(params: Params): number;
  /** Number of work items. */
  items(params: Params): number;
}

/** `x` rounded up to a multiple of `multiple`. */
export function roundUp(x: number, multiple: number): number {
  return Math.ceil(x / multiple) * multiple;
}

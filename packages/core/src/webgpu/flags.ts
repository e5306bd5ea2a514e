/** WebGPU's numeric flags. Node has no globals for them, and they are fixed by the specification. */
export const USAGE = {
  MAP_READ: 0x1,
  MAP_WRITE: 0x2,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  QUERY_RESOLVE: 0x200,
} as const;

export const MAP = { READ: 0x1, WRITE: 0x2 } as const;

export const COMPUTE = 0x4;

/** What every tensor's buffer can do. */
export const TENSOR_USAGE: number = USAGE.STORAGE | USAGE.COPY_SRC | USAGE.COPY_DST;

/** Rounds up to a multiple of `step`. */
export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

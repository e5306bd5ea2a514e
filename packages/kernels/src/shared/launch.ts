/** Invocations of a workgroup in flat kernels (constant `LANES` of the WGSL body); one invocation does one group of four elements. */
export const FLAT_LANES = 256;

/** Groups of four elements in one WebAssembly work item: 16 KiB a tensor, so that a few of them fit in L1 together. */
export const ITEM_QUADS = 1024;

/** How a flat kernel over `elements` elements is launched: `scalars.quads` groups of four, the last one possibly partial. */
export interface FlatLaunch {
  /** Groups of four elements. */
  readonly quads: number;
  readonly groups: number;
  readonly items: number;
  readonly constants: { readonly LANES: number };
}

/** Launch of a kernel that does one independent thing to every group of four elements. */
export function flatLaunch(elements: number): FlatLaunch {
  const quads = Math.ceil(elements / 4);
  return {
    quads,
    groups: Math.ceil(quads / FLAT_LANES),
    items: Math.ceil(quads / ITEM_QUADS),
    constants: { LANES: FLAT_LANES },
  };
}

/** Invocations that share one row of `width` elements in row-wise kernels: few for short rows, so that barriers stay cheap. */
export function rowLanes(width: number): number {
  return width <= 2048 ? 64 : 256;
}

export { constant } from "./expression/build.ts";
export { type Captured, type CaptureOptions, capture } from "./expression/capture.ts";
export type {
  BoolNode,
  BoolOperand,
  Node,
  NumberNode,
  NumberOperand,
  NumberType,
  ValueType,
} from "./expression/node.ts";
export type { MaskArguments, ScoreArguments } from "./expression/variables.ts";
export type { BlockMask, BlockSize } from "./mask/block-mask.ts";
export { type BlockMaskOptions, blockMask, type MaskFunction } from "./mask/build.ts";
export { andMasks, notMask, orMasks } from "./mask/combine.ts";
export { maskFromArray } from "./mask/from-array.ts";
export { type BlockIndices, maskFromBlocks } from "./mask/from-blocks.ts";
export { loadMask, saveMask } from "./mask/save.ts";
export type { MaskSource } from "./mask/sources.ts";
export { maskToArray, maskToLists } from "./mask/to-lists.ts";
export { type TransposedLists, transposeLists } from "./mask/transpose.ts";

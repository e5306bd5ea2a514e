export type { MaskPartOptions } from "./analysis/cells.ts";
export { maskSVG, maskText } from "./analysis/draw.ts";
export { type MaskReachOptions, type MaskReport, maskReach, maskReport } from "./analysis/report.ts";
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
export { type DocumentsOptions, documents, prefixLM } from "./patterns/documents.ts";
export { type BigBirdOptions, bigBird, type RandomBlocksOptions, randomBlocks } from "./patterns/random.ts";
export {
  type BlockBranch,
  type DilatedBlocksOptions,
  dilatedBlocks,
  type FixedPatternOptions,
  fixedPattern,
  type HierarchicalOptions,
  hierarchical,
  type LongNetBlocksOptions,
  longNetBlocks,
  strided,
} from "./patterns/strides.ts";
export {
  causal,
  causalWindow,
  globalTokens,
  type LongformerOptions,
  longformer,
  type SinkWindowOptions,
  type SlidingWindowOptions,
  sinkWindow,
  slidingWindow,
} from "./patterns/windows.ts";

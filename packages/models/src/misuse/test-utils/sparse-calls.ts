import * as sparse from "@dilated/sparse";
import type { ValidCall } from "./fuzz.ts";
import { each, right } from "./right.ts";

/** Right calls of `@dilated/sparse`. */
export function sparseCalls(): readonly ValidCall[] {
  const sizes = { N: 40, M: 50, B: 1, H: 1, blockSize: 32 };
  const mask = sparse.blockMask(sparse.slidingWindow({ left: 8 }), { N: 64, blockSize: 32 });
  const { causal } = sparse;
  const at = sparse.constant(1, "i32");
  const branches = [{ segment: 64, dilation: 1 }];
  return [
    right("constant", sparse.constant, { value: 1, type: "i32" }),
    right("capture", sparse.capture, { values: [0.5, 1], options: { shape: [2], type: "f32" } }),
    right("blockMask", sparse.blockMask, { mask: causal, options: sizes }),
    right("maskFromArray", sparse.maskFromArray, { values: new Uint8Array(2000), options: sizes }),
    right("maskFromBlocks", sparse.maskFromBlocks, { lists: [[0], [0, 1]], options: sizes }),
    right("maskFromBlocks", sparse.maskFromBlocks, { lists: { offsets: [0, 1, 1], blocks: [0] }, options: sizes }),
    ...each({ andMasks: sparse.andMasks, orMasks: sparse.orMasks }, { "mask 1": mask, "mask 2": causal }),
    ...each({ notMask: sparse.notMask, transposeLists: sparse.transposeLists, saveMask: sparse.saveMask }, { mask }),
    ...each({ maskText: sparse.maskText, maskSVG: sparse.maskSVG }, { mask, options: { b: 0, h: 0 } }),
    right("maskReach", sparse.maskReach, { mask, options: { b: 0, h: 0, layers: 2 } }),
    right("maskReport", sparse.maskReport, { mask }),
    ...each({ maskToLists: sparse.maskToLists, maskToArray: sparse.maskToArray }, { mask }),
    right("loadMask", sparse.loadMask, { bytes: sparse.saveMask(mask) }, "readSafetensors"),
    right("causal", causal, { at: { q: at, k: at } }),
    right("slidingWindow", sparse.slidingWindow, { options: { left: 1, right: 1 } }),
    right("causalWindow", sparse.causalWindow, { size: 4 }),
    right("globalTokens", sparse.globalTokens, { count: 4 }),
    right("longformer", sparse.longformer, { options: { window: 4, global: 1 } }),
    right("sinkWindow", sparse.sinkWindow, { options: { window: 4, sinks: 1 } }),
    right("strided", sparse.strided, { stride: 4 }),
    right("fixedPattern", sparse.fixedPattern, { options: { stride: 4, summary: 1 } }),
    right("dilatedBlocks", sparse.dilatedBlocks, { options: { block: 32, dilation: 2, count: 1 } }),
    right("hierarchical", sparse.hierarchical, { options: { stretch: 4, fanout: 2, levels: 2 } }),
    right("longNetBlocks", sparse.longNetBlocks, { options: { branches, block: 32 } }),
    right("documents", sparse.documents, { options: { lengths: [4, 4], N: 9 } }),
    right("documents", sparse.documents, { options: { ids: [4, 4], B: 2 } }),
    right("prefixLM", sparse.prefixLM, { length: [4, 5] }),
    right("bigBird", sparse.bigBird, { options: { N: 256, block: 32, window: 3, global: 1, random: 2, seed: 1 } }),
    right("randomBlocks", sparse.randomBlocks, {
      options: { N: 64, M: 64, H: 1, blockSize: 32, density: 0.5, causal: true, seed: 1 },
    }),
  ];
}

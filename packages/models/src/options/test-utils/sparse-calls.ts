import * as sparse from "@dilated/sparse";
import type { Calls, Extra, OptionsCall } from "./calls.ts";

type Row = (key: string, call: (extra: Extra) => unknown) => OptionsCall;

/** The functions of `@dilated/sparse`. */
export function sparseCalls(row: Row, all: (names: string) => Calls): Calls {
  const branches = [{ segment: 64, dilation: 1 }];
  const mask = sparse.blockMask(sparse.causal, { N: 64 });
  return {
    maskText: [row("h", (o) => sparse.maskText(mask, o))],
    maskSVG: [row("h", (o) => sparse.maskSVG(mask, o))],
    maskReach: [row("layers", (o) => sparse.maskReach(mask, { layers: 1, ...o }))],
    ...all("constant transposeLists andMasks orMasks notMask maskToLists maskToArray saveMask loadMask"),
    ...all("causal causalWindow globalTokens strided prefixLM maskReport"),
    capture: [row("shape", (o) => sparse.capture([1, 2], o))],
    blockMask: [row("blockSize", (o) => sparse.blockMask(sparse.causal, { N: 64, ...o }))],
    maskFromArray: [row("blockSize", (o) => sparse.maskFromArray([1], { N: 1, ...o }))],
    maskFromBlocks: [row("blockSize", (o) => sparse.maskFromBlocks([[0]], { N: 1, ...o }))],
    slidingWindow: [row("right", (o) => sparse.slidingWindow({ left: 1, ...o }))],
    longformer: [row("window", (o) => sparse.longformer({ window: 4, global: 1, ...o }))],
    sinkWindow: [row("sinks", (o) => sparse.sinkWindow({ window: 4, sinks: 1, ...o }))],
    fixedPattern: [row("summary", (o) => sparse.fixedPattern({ stride: 4, summary: 1, ...o }))],
    dilatedBlocks: [row("dilation", (o) => sparse.dilatedBlocks({ block: 32, dilation: 2, count: 1, ...o }))],
    hierarchical: [row("levels", (o) => sparse.hierarchical({ stretch: 4, fanout: 2, levels: 2, ...o }))],
    longNetBlocks: [row("branches", (o) => sparse.longNetBlocks({ branches, block: 32, ...o }))],
    documents: [
      row("lengths", (o) => sparse.documents({ lengths: [4], ...o })),
      row("ids", (o) => sparse.documents({ ids: [4], ...o })),
    ],
    bigBird: [row("random", (o) => sparse.bigBird({ N: 256, block: 32, ...o }))],
    randomBlocks: [row("density", (o) => sparse.randomBlocks({ N: 64, density: 1, ...o }))],
  };
}

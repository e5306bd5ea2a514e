export { loadGPU } from "./gpu.node.ts";
export { trackInside } from "./inside.node.ts";
export { blockWhile, coreCount, processorName, startThread, whyNoThreads } from "./threads.node.ts";
export { after, nextTurn } from "./turns.node.ts";

export { loadGPU } from "./gpu.node.ts";
export { blockWhile, coreCount, processorName, startThread, whyNoThreads } from "./threads.node.ts";

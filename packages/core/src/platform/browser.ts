export { loadGPU } from "./gpu.browser.ts";
export { trackInside } from "./inside.browser.ts";
export { blockWhile, coreCount, processorName, startThread, whyNoThreads } from "./threads.browser.ts";
export { after, nextTurn } from "./turns.browser.ts";

import { availableParallelism, cpus } from "node:os";
import { Worker } from "node:worker_threads";
import type { ThreadEvents, WorkerData, WorkerThread } from "./threads.ts";

/** Starts a worker thread from the text of a function `(data, post) => void`. It does not keep the process alive until `ref()`. */
export function startThread(source: string, data: WorkerData, events: ThreadEvents): WorkerThread {
  const text = `const { parentPort, workerData } = require("node:worker_threads");\n(${source})(workerData, (message) => parentPort.postMessage(message));`;
  // Not the parent's flags: a loader or an inspector of the application has no business in here.
  const worker = new Worker(text, { eval: true, workerData: data, execArgv: [], name: `dilated-${data.thread}` });
  worker.on("message", events.message);
  worker.on("error", events.failure);
  worker.on("exit", (code) => events.failure(new Error(`worker thread ${data.thread} ended with code ${code}`)));
  worker.unref();
  return {
    ref: () => worker.ref(),
    unref: () => worker.unref(),
    terminate: async () => {
      worker.removeAllListeners();
      worker.on("error", () => {});
      await worker.terminate();
      return true;
    },
  };
}

/** Why workers cannot share memory here; undefined when they can. */
export function whyNoThreads(): string | undefined {
  return undefined;
}

/** Threads worth starting. */
export function coreCount(): number {
  return availableParallelism();
}

/** The processor's name as the system gives it. */
export function processorName(): string {
  return cpus()[0]?.model.trim() || process.arch;
}

/** Blocks until words[index] is no longer `seen`, or for `ms`; only where the calling thread may block. */
export function blockWhile(words: Int32Array, index: number, seen: number, ms: number): void {
  Atomics.wait(words, index, seen, ms);
}

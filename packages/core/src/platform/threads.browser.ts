import type { ThreadEvents, WorkerData, WorkerThread } from "./threads.ts";

const MAYBE_POLICY = "(a Content-Security-Policy without worker-src blob:?)";

/** Starts a worker from the text of a function `(data, post) => void`. */
export function startThread(source: string, data: WorkerData, events: ThreadEvents): WorkerThread {
  const text = `onmessage = (event) => (${source})(event.data, (message) => postMessage(message));`;
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const worker = openWorker(url, `dilated-${data.thread}`);
  worker.onmessage = (event: MessageEvent<number>) => {
    URL.revokeObjectURL(url);
    events.message(event.data);
  };
  worker.onerror = (event) => events.failure(new Error(event.message || `the worker could not start ${MAYBE_POLICY}`));
  worker.onmessageerror = () => events.failure(new Error("the worker could not take shared memory"));
  worker.postMessage(data);
  const terminate = async () => {
    worker.terminate();
    return false;
  };
  return { ref: () => {}, unref: () => {}, terminate };
}

/** Some engines throw at once for what a policy forbids, others send an event. */
function openWorker(url: string, name: string): Worker {
  try {
    return new Worker(url, { name });
  } catch (cause) {
    URL.revokeObjectURL(url);
    throw new Error(`${cause instanceof Error ? cause.message : String(cause)} ${MAYBE_POLICY}`, { cause });
  }
}

/** Why workers cannot share memory here; undefined when they can. */
export function whyNoThreads(): string | undefined {
  if (typeof Worker === "undefined") return "there are no workers here";
  if (!globalThis.crossOriginIsolated)
    return "the page is not cross-origin isolated (send COOP: same-origin and COEP: require-corp)";
  // WebKitGTK has no such array in isolated pages either, and then refuses to send a shared memory to a worker.
  if (typeof SharedArrayBuffer === "undefined") return "there is no SharedArrayBuffer here";
  return undefined;
}

/** Threads worth starting. */
export function coreCount(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** The processor's name; browsers do not tell. */
export function processorName(): string {
  return "CPU";
}

/** Does nothing: the main thread of a page may not block. */
export function blockWhile(_words: Int32Array, _index: number, _seen: number, _ms: number): void {}

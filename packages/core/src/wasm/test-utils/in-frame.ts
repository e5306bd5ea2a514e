// The program of a frame whose policy is tested: it tells the page that made the frame what came of it.
import { accumulate, openDevice } from "../../index.ts";

// Vitest sends dynamic imports through this, which frames of its own have.
Object.assign(globalThis, { __vitest_browser_runner__: { wrapDynamicImport: (load: () => unknown) => load() } });

try {
  using device = await openDevice({ backend: "wasm", threads: 2 });
  const { threads, reason } = device.info;
  const sum = accumulate(device.tensor([1, 2, 3]), device.tensor([2, 3, 4]));
  parent.postMessage({ threads, reason, sum: [...(await sum.data())] });
} catch (error) {
  parent.postMessage({ error: String(error) });
}

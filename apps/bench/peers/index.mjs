// The libraries that the benchmarks are compared with. Each is loaded only when it is timed; one that fails to load is reported, not hidden.

/**
 * Work that is ready to be timed: `run` does it once and waits for the result.
 * @typedef {{ run(): Promise<void>, read(): Promise<ArrayLike<number>>, dispose(): Promise<void> }} Prepared
 */

/**
 * What a peer can be asked for; operands are f32. `matmul`: `[n, n]`. `attention`: dense, q, k, v `[N, H, D]`, scale 1/√D.
 * @typedef {object} Peer
 * @property {(a: Float32Array, b: Float32Array, n: number) => Promise<Prepared>} matmul
 * @property {(q: Float32Array, k: Float32Array, v: Float32Array, shape: [number, number, number]) => Promise<Prepared>} attention
 */

/** @type {Record<string, (threads: number) => Promise<Peer>>} */
export const peers = {
  "onnxruntime-node (native)": async (threads) => {
    const [ort, { onnxPeer }] = await Promise.all([import("onnxruntime-node"), import("./onnxruntime.mjs")]);
    return onnxPeer(ort.default ?? ort, { intraOpNumThreads: threads });
  },
  "onnxruntime-web (wasm)": async (threads) => {
    const [ort, { onnxPeer }] = await Promise.all([import("onnxruntime-web"), import("./onnxruntime.mjs")]);
    ort.env.wasm.numThreads = threads;
    return onnxPeer(ort, { executionProviders: ["wasm"] });
  },
  "jax-js (wasm)": async () => (await import("./jax-js.mjs")).openJax(),
  "tfjs (wasm)": async (threads) => (await import("./tfjs.mjs")).openTfjs(threads),
};

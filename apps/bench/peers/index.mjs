// The benchmark's built program imports this file by its relative path at run time, and only when it has a peer to time.

/** @type {Record<string, () => Promise<unknown>>} */
export const peers = {
  "jax-js": () => import("@jax-js/jax"),
  onnxruntime: () => import("onnxruntime-node"),
};

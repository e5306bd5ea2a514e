/** @returns {Promise<import("./index.mjs").Peer>} */
export async function openJax() {
  // onnxruntime-web leaves a global Worker behind; jax-js would take it for a browser's, as soon as it is imported, and hand it a blob URL.
  delete globalThis.Worker;
  const { blockUntilReady, init, nn, numpy: np } = await import("@jax-js/jax");
  await init("wasm");
  // Operations consume their arguments unless `.ref` is taken.
  const prepare = (work) => {
    let output;
    return {
      run: async () => {
        output?.dispose();
        output = work();
        await blockUntilReady(output);
      },
      read: async () => output.ref.data(),
      dispose: async () => output?.dispose(),
    };
  };
  return {
    matmul: async (a, b, n) => {
      const [x, y] = [a, b].map((data) => np.array(data).reshape([n, n]));
      return prepare(() => np.matmul(x.ref, y.ref));
    },
    attention: async (q, k, v, [N, H, D]) => {
      // Written out: `nn.dotProductAttention` goes through an einsum that needs Node 22.
      const heads = (data, axes) => np.transpose(np.array(data).reshape([N, H, D]), axes);
      const [x, y, z] = [heads(q, [1, 0, 2]).mul(1 / Math.sqrt(D)), heads(k, [1, 2, 0]), heads(v, [1, 0, 2])];
      return prepare(() => np.transpose(np.matmul(nn.softmax(np.matmul(x.ref, y.ref), -1), z.ref), [1, 0, 2]));
    },
  };
}

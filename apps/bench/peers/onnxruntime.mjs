import { attentionModel, matmulModel } from "./onnx-model.mjs";

/**
 * ONNX Runtime, native or WebAssembly: both have the same interface.
 * @param {any} ort
 * @param {object} options of `InferenceSession.create`
 * @returns {import("./index.mjs").Peer}
 */
export function onnxPeer(ort, options) {
  const prepare = async (bytes, feeds) => {
    const session = await ort.InferenceSession.create(bytes, options);
    let output;
    return {
      run: async () => {
        ({ y: output } = await session.run(feeds));
      },
      read: async () => output.data,
      dispose: async () => session.release(),
    };
  };
  const tensor = (data, shape) => new ort.Tensor("float32", data, shape);
  return {
    matmul: (a, b, n) => prepare(matmulModel(n), { a: tensor(a, [n, n]), b: tensor(b, [n, n]) }),
    attention: (q, k, v, [N, H, D]) => {
      const [tq, tk, tv] = [q, k, v].map((data) => tensor(data, [1, N, H * D]));
      return prepare(attentionModel(N, H, D), { q: tq, k: tk, v: tv });
    },
  };
}

import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";

/** @param {number} threads @returns {Promise<import("./index.mjs").Peer>} */
export async function openTfjs(threads) {
  const entry = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(join(dirname(entry), sep));
  setThreadsCount(threads);
  await tf.setBackend("wasm");
  const prepare = (work) => {
    let output;
    return {
      run: async () => {
        output?.dispose();
        output = tf.tidy(work);
        await output.data();
      },
      read: async () => output.data(),
      dispose: async () => output?.dispose(),
    };
  };
  return {
    matmul: async (a, b, n) => {
      const [x, y] = [a, b].map((data) => tf.tensor2d(data, [n, n]));
      return prepare(() => tf.matMul(x, y));
    },
    attention: async (q, k, v, [N, H, D]) => {
      const [x, y, z] = [q, k, v].map((data) => tf.tidy(() => tf.transpose(tf.tensor3d(data, [N, H, D]), [1, 0, 2])));
      const scale = tf.scalar(1 / Math.sqrt(D));
      return prepare(() =>
        tf.transpose(tf.matMul(tf.softmax(tf.mul(tf.matMul(x, y, false, true), scale)), z), [1, 0, 2]),
      );
    },
  };
}

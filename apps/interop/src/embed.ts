import { type Device, Tensor } from "@dilated/core";
import * as ort from "onnxruntime-web/webgpu";

/** Our tensor as ONNX Runtime's, over the same buffer. It is good for as long as ours is. */
export function toOrt(tensor: Tensor): ort.Tensor {
  return ort.Tensor.fromGpuBuffer(tensor.gpuBuffer, { dataType: "float32", dims: tensor.shape });
}

/**
 * ONNX Runtime's tensor as ours, over the same buffer, with a batch axis in front: [L, E] -> [1, L, E]. It is good until ONNX Runtime's is disposed of.
 */
export function fromOrt(device: Device, output: ort.Tensor): Tensor {
  const shape = [1, ...output.dims];
  return Tensor.fromGPUBuffer(device, output.gpuBuffer as GPUBuffer, { shape, label: "embeddings" });
}

/** Opens an ONNX file on a GPUDevice of ours, with outputs that stay there. */
export function openEncoder(model: Uint8Array, gpuDevice: GPUDevice): Promise<ort.InferenceSession> {
  ort.env.wasm.numThreads = 1; // the work is on the GPU
  return ort.InferenceSession.create(model, {
    // The first session fixes the device. Setting `ort.env.webgpu.device` instead does nothing in onnxruntime-web 1.30.
    executionProviders: [{ name: "webgpu", device: gpuDevice }],
    preferredOutputLocation: "gpu-buffer",
  });
}

/** Tiles [L, C] -> embeddings [L, E], computed by ONNX Runtime from our buffer into one of its own. */
export async function embedTiles(encoder: ort.InferenceSession, tiles: Tensor): Promise<ort.Tensor> {
  const { embeddings } = await encoder.run({ tiles: toOrt(tiles) });
  return embeddings as ort.Tensor;
}

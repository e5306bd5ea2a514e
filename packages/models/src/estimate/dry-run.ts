import { ConfigError, type Device, type Tensor, treeTensors, valueAndGrad } from "@dilated/core";
import { mean } from "@dilated/kernels";
import { targetSide } from "../decode/target-decoder.ts";
import type { Model } from "../registry.ts";

/** Sizes of one call. */
export interface CallSize {
  readonly N: number;
  readonly B: number;
  /** Source tokens of an encoder-decoder. */
  readonly M: number;
}

/** One forward pass, as a user would run it; its result. */
export function forwardOnce(model: Model, { N, B, M }: CallSize): Tensor {
  const { device } = model;
  const dtype = treeTensors(model.parameters)[0]?.dtype ?? "f32";
  const tokens = (length: number): Tensor => device.empty([B, length], { dtype: "i32", label: "tokens" });
  switch (model.kind) {
    case "longnet-encoder": {
      const { vocab, dim } = model.config;
      return model.forward(vocab > 0 ? tokens(N) : device.empty([B, N, dim], { dtype, label: "input" }));
    }
    case "longnet":
      return model.forward(tokens(M), tokens(N));
    case "longnet-vit": {
      const tiles = device.empty([B, N, model.config.tileDim], { dtype, label: "tiles" });
      return model.forward({ tiles, coordinates: new Float32Array(2 * B * N) });
    }
    default:
      return model.forward(tokens(N));
  }
}

/** The loss of a batch; models without one of their own take the mean of what they give. */
export function lossOnce(model: Model, { N, B, M }: CallSize): () => Tensor {
  const { device } = model;
  const tokens = (length: number): Tensor => device.empty([B, length], { dtype: "i32", label: "tokens" });
  if (model.kind === "longnet-encoder" || model.kind === "longnet-vit") {
    return () => mean(forwardOnce(model, { N, B, M }));
  }
  if (model.kind === "longnet") {
    const [source, target] = [tokens(M), tokens(N + 1)];
    return () => model.loss({ source, target }, { dropoutSeed: 0 });
  }
  const batch = tokens(N + 1);
  return () => model.loss(batch, { dropoutSeed: 0 });
}

/** Forward and backward. */
export function backwardOnce(model: Model, size: CallSize): void {
  model.device.scope(() => {
    valueAndGrad(model.parameters, lossOnce(model, size));
  });
}

/**
 * One token of each of B sequences through the decoder, without what is cached.
 *
 * @throws ConfigError when the model does not generate.
 */
export function decodeOnce(model: Model, B: number): void {
  const { device, kind } = model;
  const tokens = device.empty([B, 1], { dtype: "i32", label: "tokens" });
  if (kind === "longnet") {
    const side = targetSide(model, () => (q) => q.alias());
    side.project(side.hidden(tokens));
  } else if (kind === "longnet-lm" || kind === "longnet-decoder") model.forward(tokens);
  else {
    throw new ConfigError(`estimate: a ${kind} does not generate`, {
      details: ['mode: "decode"'],
      fix: 'use mode "forward"',
    });
  }
}

/** Bytes at the highest moment of `work`. */
export function peakOf(device: Device, work: () => void): number {
  device.resetPeak();
  device.scope(work);
  return device.stats().peak;
}

import { checkCall, type Device } from "@dilated/core";
import { Initializer } from "../layers/parameters.ts";
import { CREATE } from "../stack/forward-options.ts";
import { CausalModel, type CausalParameters, initCausal, MODEL } from "./causal-model.ts";
import { decoderConfig, type LongNetDecoderConfig, type LongNetDecoderOptions } from "./decoder.config.ts";

/** Decoder of torchscale's LongNet: causal dilated attention over tokens. Differs from LongNetLM in its defaults: no positions. */
export class LongNetDecoder extends CausalModel<"longnet-decoder"> {
  /** Use {@link createLongNetDecoder}. */
  constructor(device: Device, config: LongNetDecoderConfig, parameters: CausalParameters) {
    super("longnet-decoder", device, config, parameters);
    checkCall("LongNetDecoder", MODEL, arguments);
  }
}

/**
 * Makes a decoder with fresh weights.
 *
 * @throws ConfigError that lists every bad field.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createLongNetDecoder } from "@dilated/models";
 * const device = await openDevice();
 * const branches = [{ segment: 16, dilation: 1 }, { segment: 64, dilation: 2 }];
 * const decoder = createLongNetDecoder(device, { vocab: 50, dim: 32, layers: 2, heads: 4, branches, norm: "deep", position: "rope" });
 * const logits = decoder.forward(device.tensor([1, 2, 3], [1, 3], { dtype: "i32" })); // [1, 3, 50]
 * device.dispose();
 * ```
 */
export function createLongNetDecoder(
  device: Device,
  config: LongNetDecoderOptions,
  options: { seed?: number } = {},
): LongNetDecoder {
  checkCall("createLongNetDecoder", CREATE, arguments);
  const resolved = decoderConfig("createLongNetDecoder", config, "none");
  return new LongNetDecoder(device, resolved, initCausal(new Initializer(device, options.seed ?? 0), resolved));
}

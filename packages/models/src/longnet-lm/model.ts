import { checkCall, type Device } from "@dilated/core";
import { Initializer } from "../layers/parameters.ts";
import { CausalModel, type CausalParameters, initCausal, MODEL } from "../longnet/causal-model.ts";
import { CREATE } from "../stack/forward-options.ts";
import { type LongNetLMConfig, type LongNetLMOptions, lmConfig } from "./config.ts";

/** Weights of a LongNetLM, by name. */
export type LongNetLMParameters = CausalParameters;

/**
 * Decoder-only LongNet language model. By default: pre-LN layers with sub-LN, causal dilated attention, xPos, MAGNETO initialisation.
 *
 * @see LongNet (arXiv 2307.02486), MAGNETO (arXiv 2210.06423)
 */
export class LongNetLM extends CausalModel<"longnet-lm"> {
  /** Use {@link createLongNetLM}. */
  constructor(device: Device, config: LongNetLMConfig, parameters: LongNetLMParameters) {
    super("longnet-lm", device, config, parameters);
    checkCall("LongNetLM", MODEL, arguments);
  }
}

/**
 * Makes a model with fresh weights.
 *
 * @throws ConfigError that lists every bad field.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { geometricBranches } from "@dilated/kernels";
 * import { createLongNetLM } from "@dilated/models";
 * const device = await openDevice();
 * const model = createLongNetLM(device, { dim: 96, layers: 3, heads: 4, branches: geometricBranches({ from: 256, to: 4096 }) }, { seed: 1 });
 * device.dispose();
 * ```
 */
export function createLongNetLM(device: Device, config: LongNetLMOptions, options: { seed?: number } = {}): LongNetLM {
  checkCall("createLongNetLM", CREATE, arguments);
  const resolved = lmConfig("createLongNetLM", config);
  return new LongNetLM(device, resolved, initCausal(new Initializer(device, options.seed ?? 0), resolved));
}

import { checkCall, checkConfig, type Device, field } from "@dilated/core";
import { initAttention } from "../layers/attention-block.ts";
import { Initializer } from "../layers/parameters.ts";
import { type AttentionKind, type MultiheadConfig, type MultiheadOptions, resolveMultihead } from "./config.ts";
import { MultiheadDilatedAttention } from "./module.ts";

/** Which attention to make: a kind, its configuration, and how its weights start. */
export type CreateAttentionOptions<K extends AttentionKind = AttentionKind> = {
  [One in K]: {
    readonly kind: One;
    /** Seeds the initial weights. @defaultValue 0 */
    readonly seed?: number | undefined;
    /** Factor of the value and output projections at the start; `depthGains` says what a depth asks for. @defaultValue 1 */
    readonly gain?: number | undefined;
  } & MultiheadOptions<One>;
}[K];

const start = {
  seed: field.withDefault(field.nonNegativeInteger(), 0),
  gain: field.withDefault(field.positive(), 1),
};

const CREATE_ATTENTION = { device: field.device(), options: field.having({ kind: field.string() }) };

/**
 * Makes a multi-head attention module by name, with fresh weights (Xavier normal, biases 0). `"dilated"` is LongNet's, `"partitioned"` that of the PyTorch
 * `DilatedAttention` modules, `"local"` and `"dense"` are what one compares with.
 *
 * @throws ConfigError for unknown kinds (it lists the known ones), and for every bad or unknown field.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createAttention } from "@dilated/models";
 * const device = await openDevice();
 * const branches = [{ segment: 16, dilation: 1 }, { segment: 64, dilation: 4 }];
 * const attention = createAttention(device, { kind: "dilated", dim: 32, heads: 4, kvHeads: 2, branches, causal: true });
 * const x = device.randomNormal([2, 100, 32], { seed: 1 });
 * const y = attention.forward(x); // [2, 100, 32]
 * const z = attention.forward(x, { key: device.randomNormal([2, 30, 32], { seed: 2 }), causal: false }); // [2, 100, 32]
 * device.dispose();
 * ```
 */
export function createAttention<K extends AttentionKind>(
  device: Device,
  options: CreateAttentionOptions<K> & { readonly kind: K },
): MultiheadDilatedAttention<K> {
  checkCall("createAttention", CREATE_ATTENTION, arguments);
  const { kind, seed, gain, ...rest } = options;
  const config = resolveMultihead("createAttention", kind, rest as unknown as MultiheadOptions<K>);
  const first = checkConfig("createAttention", start, { seed, gain });
  const shape: MultiheadConfig = config;
  const init = new Initializer(device, first.seed);
  const parameters = init.all(() => initAttention(init, shape, { gain: first.gain, inner: shape.subLN }, "attention"));
  return new MultiheadDilatedAttention(kind, device, config, parameters);
}

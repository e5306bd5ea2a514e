import {
  BYTES,
  checkCall,
  type Device,
  DISPOSE,
  type DisposableLike,
  type Field,
  field,
  LimitError,
  type Tensor,
} from "@dilated/core";
import { DECODE_PLAN, type DecodePlan } from "./decode-plan.ts";

/** How many sequences and layers a cache is for. */
export interface DecodeCacheOptions {
  /** B: sequences, each at a position of its own. @defaultValue 1 */
  readonly B?: number | undefined;
  /** Layers, which share plan and positions. @defaultValue 1 */
  readonly layers?: number | undefined;
  /** How keys and values are stored. @defaultValue "f32" */
  readonly dtype?: "f32" | "f16" | undefined;
}

const options = field.options<DecodeCacheOptions>({
  B: field.optional(field.positiveInteger()),
  layers: field.optional(field.positiveInteger(65_536)),
  dtype: field.optional(field.oneOf(["f32", "f16"])),
});
const BYTES_OF = { plan: DECODE_PLAN, options };
const CREATE = { device: field.device(), ...BYTES_OF };

/** Every cache that was made, and nothing else: kernels use what it says without looking. */
const caches: WeakSet<object> = new WeakSet();
export const DECODE_CACHE: Field<DecodeCache> = field.made("a cache made by createDecodeCache", caches);

/** Keys and values that later tokens can still see, on a device. Its size does not depend on how many tokens went through. */
export interface DecodeCache extends DisposableLike {
  readonly plan: DecodePlan;
  readonly B: number;
  readonly dtype: "f32" | "f16";
  /** i32 [B]: position of the next token of each sequence; write it with `device.write` before each step. All 0 at first. */
  readonly positions: Tensor;
  /** K and V of each layer, [B, rows, D]. */
  readonly layers: readonly { readonly keys: Tensor; readonly values: Tensor }[];
  /** The plan as the kernels read it. */
  readonly table: Tensor;
  readonly decay: Tensor | undefined;
  dispose(): void;
}

/** A head that takes part in fewer branches than others fills up with this. */
const NO_STREAM = 0xffffffff;

/**
 * Allocates a cache for a plan. It belongs to whoever made it: dispose of it.
 *
 * @throws LimitError when keys of one layer are longer than a tensor of the device can be; ConfigError for bad options.
 */
export function createDecodeCache(device: Device, plan: DecodePlan, options: DecodeCacheOptions = {}): DecodeCache {
  checkCall("createDecodeCache", CREATE, arguments);
  const { B = 1, layers = 1, dtype = "f32" } = options;
  const bytes = B * plan.rows * plan.D * BYTES[dtype];
  const most = device.limits.maxTensorBytes;
  if (bytes > most) {
    const fit = Math.floor(most / (bytes / B));
    throw new LimitError(`createDecodeCache: the keys of one layer take ${bytes} bytes`, {
      details: [`B ${B}, ${plan.rows} rows of ${plan.D} in ${dtype}`, `limit of this device: ${most} bytes`],
      fix: fit > 0 ? `decode ${fit} sequences at a time` : "use f16, shorter segments or larger dilations",
    });
  }
  const made: Tensor[] = [];
  const own = (tensor: Tensor): Tensor => {
    made.push(tensor);
    return tensor;
  };
  const dispose = (): void => {
    for (const tensor of made) tensor.dispose();
  };
  const newLayer = (label: string) => {
    const one = () => own(device.empty([B, plan.rows, plan.D], { dtype, label }));
    return Object.freeze({ keys: one(), values: one() });
  };
  try {
    const cache: DecodeCache = Object.freeze({
      plan,
      B,
      dtype,
      positions: own(device.zeros([B], { dtype: "i32", label: "decode positions" })),
      layers: Object.freeze(Array.from({ length: layers }, (_, i) => newLayer(`decode cache ${i}`))),
      table: own(device.tensor(tableOf(plan), undefined, { dtype: "u32", label: "decode plan" })),
      decay: plan.decay && own(device.tensor(plan.decay, undefined, { label: "decode decay" })),
      dispose,
      [DISPOSE]: dispose,
    });
    caches.add(cache);
    return cache;
  } catch (error) {
    dispose();
    throw error;
  }
}

/** Bytes that {@link createDecodeCache} takes for the same arguments, exactly as `device.stats()` counts them. */
export function decodePlanBytes(plan: DecodePlan, options: DecodeCacheOptions = {}): number {
  checkCall("decodePlanBytes", BYTES_OF, arguments);
  const { B = 1, layers = 1, dtype = "f32" } = options;
  const rounded = (bytes: number) => Math.max(16, Math.ceil(bytes / 16) * 16);
  const tables = [B, tableOf(plan).length, ...(plan.decay ? [plan.decay.length] : [])];
  return (
    2 * layers * rounded(B * plan.rows * plan.D * BYTES[dtype]) +
    tables.reduce((sum, words) => sum + rounded(words * 4), 0)
  );
}

/** Most branches that one head takes part in. */
export function branchesOf(plan: DecodePlan): number {
  return Math.max(1, ...plan.heads.map((streams) => streams.length));
}

/** Six words a stream, then the streams of each head. */
function tableOf(plan: DecodePlan): Uint32Array {
  const branches = branchesOf(plan);
  return Uint32Array.from([
    ...plan.streams.flatMap(({ w, r, s, g, base, capacity }) => [w, r, s, g, base, capacity]),
    ...plan.heads.flatMap((streams) => Array.from({ length: branches }, (_, i) => streams[i] ?? NO_STREAM)),
  ]);
}

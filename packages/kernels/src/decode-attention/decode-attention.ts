import {
  BYTES,
  ConfigError,
  checkCall,
  DeviceError,
  DisposedError,
  field,
  formatShape,
  ShapeError,
  type Tensor,
  type TensorArgument,
} from "@dilated/core";
import { fitsBinding, forEachBlock } from "../shared/blocks.ts";
import { checkFloats, checkSameDtype, describe } from "../shared/check.ts";
import { kernelDtype, stored, widen } from "../shared/half.ts";
import { flatLaunch } from "../shared/launch.ts";
import { putRuns, takeRuns } from "../shared/parts.ts";
import { branchesOf, DECODE_CACHE, type DecodeCache } from "./decode-cache.ts";
import { appendKernel, attendKernel, combineKernel } from "./kernels.ts";

const CACHE = { cache: DECODE_CACHE, layer: field.nonNegativeInteger() };
const ATTEND = { ...CACHE, q: field.tensor() };
const APPEND = {
  ...CACHE,
  k: field.tensor(),
  v: field.tensor(),
  firstRow: field.optional(field.nonNegativeInteger()),
};

/** Invocations of a workgroup; at least the D / 4 of the widest head. */
const LANES = 128;
/** Rows that a workgroup should have, so that a long cache keeps a large GPU busy. */
const ROWS_A_GROUP = 512;
const MOST_SPLITS = 64;
/** Rows that a WebAssembly thread widens at once; its scratch also holds their scores and two rows of its own. */
const CHUNK = 64;

/**
 * Stores keys and values of new tokens, those of them that later tokens can still see. The n-th token of sequence b stands at position
 * `cache.positions[b] + n`. Rows of segments that ended are overwritten. Queued.
 *
 * @param layer - which of the cache's layers
 * @param k - [B', N, G, D], f32 or f16: N = 1 in decoding, the prompt's length in prefill. With xPos rotated, not scaled (see {@link DecodeOptions}).
 * @param v - like k
 * @param firstRow - sequence of the cache to which the first batch row belongs. @defaultValue 0
 * @throws ShapeError, DtypeError, ConfigError
 */
export function appendToCache(cache: DecodeCache, layer: number, k: Tensor, v: Tensor, firstRow = 0): void {
  checkCall("appendToCache", APPEND, arguments);
  checkFloats("appendToCache", { k, v });
  checkSameDtype("appendToCache", { k, v });
  const { plan } = cache;
  const { keys, values } = layerOf("appendToCache", cache, layer, k);
  const [B = 0, N = 0, G = 0, D = 0] = k.shape;
  const fits = k.rank === 4 && G === plan.G && D === plan.D && N > 0 && firstRow + B <= cache.B;
  if (!fits || formatShape(v.shape) !== formatShape(k.shape)) {
    throw new ShapeError("appendToCache: k and v must be [B, N, G, D] of the cache's heads and rows", {
      details: [...describe({ k, v }), `cache: B ${cache.B}, G ${plan.G}, D ${plan.D}; firstRow ${firstRow}`],
      fix: "reshape them, or make a cache for these heads",
    });
  }
  const { device } = k;
  device.scope(() => {
    const [wideK, wideV] = [widen(k), widen(v)];
    const fit = fitsBinding(device, k)
      ? N
      : Math.max(1, Math.floor(device.limits.maxBindingBytes / (k.byteLength / N)));
    for (let begin = 0; begin < N; begin += fit) {
      const count = Math.min(fit, N - begin);
      const part = { lead: B, total: N, begin, count };
      const [newK, newV] = [wideK, wideV].map((x) => (count === N ? x : takeRuns(x, part))) as [Tensor, Tensor];
      append(cache, { keys, values }, { k: newK, v: newV, B, N: count }, { firstRow, begin });
    }
  });
}

/** Queues rows of tokens [begin, begin + N) of those that are given. */
function append(
  cache: DecodeCache,
  { keys, values }: DecodeCache["layers"][number],
  { k, v, B, N }: { readonly k: Tensor; readonly v: Tensor; readonly B: number; readonly N: number },
  { firstRow, begin }: Readonly<Record<"firstRow" | "begin", number>>,
): void {
  const { plan, positions } = cache;
  const { D, G } = plan;
  const most = Math.max(1, ...plan.streams.map(({ r, capacity }) => Math.min(capacity, Math.ceil(N / r))));
  const items = B * plan.streams.length;
  const { quads, groups, constants } = flatLaunch(items * most * D);
  forEachRows("appendToCache", cache, keys, values, (bound, window) => {
    k.device.run(appendKernel, {
      tensors: { k, v, positions, plan: cache.table, decay: cache.decay, ...window },
      scalars: {
        quads,
        columns: D / 4,
        new_rows: most,
        streams: plan.streams.length,
        rows: plan.rows,
        tokens: N,
        kv_heads: G,
        first_row: firstRow,
        block: plan.block,
        half_floats: cache.dtype === "f16" ? 1 : 0,
        ...bound,
        token_begin: begin,
      },
      constants,
      groups,
      items,
    });
  });
}

/** The rows of a layer [B·rows, D] in windows that fit a binding; WebAssembly binds nothing. */
function forEachRows(
  caller: string,
  { plan, B }: DecodeCache,
  keys: Tensor,
  values: Tensor,
  work: (
    bound: Readonly<Record<"row_begin" | "row_end", number>>,
    window: Readonly<Record<"keys" | "values", TensorArgument | undefined>>,
  ) => void,
): void {
  const { D } = plan;
  if (keys.device.info.backend === "wasm") return work({ row_begin: 0, row_end: B * plan.rows }, { keys, values });
  const cut = [keys, values].map((tensor) => [tensor, D] as const);
  forEachBlock(caller, keys.device, B * plan.rows, cut, ({ first, count, of }) => {
    work({ row_begin: first, row_end: first + count }, { keys: of(keys, D), values: of(values, D) });
  });
}

/**
 * Attention of one new token a sequence over the dilated KV cache: row `cache.positions[b]` of causal `dilatedAttention`, from the rows that
 * {@link appendToCache} kept. The token's own key must be in the cache. Queued; not differentiable.
 *
 * @param layer - which of the cache's layers
 * @param q - [B, 1, H, D], f32 or f16, rotated like the keys
 * @returns [B, 1, H, D] in the dtype of q; 0 for heads that take part in no branch there
 * @throws ShapeError, DtypeError, ConfigError
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { appendToCache, createDecodeCache, decodeAttention, decodePlan } from "@dilated/kernels/decode";
 * const device = await openDevice();
 * const plan = decodePlan({ H: 4, D: 16 }, { branches: [{ segment: 32, dilation: 1 }, { segment: 96, dilation: 4 }] });
 * const cache = createDecodeCache(device, plan);
 * for (let t = 0; t < 200; t++) {
 *   const token = device.randomNormal([1, 1, 4, 16], { seed: t }); // stands for q, k and v of token t
 *   device.write(cache.positions, [t]);
 *   appendToCache(cache, 0, token, token);
 *   decodeAttention(cache, 0, token).dispose();
 * }
 * device.dispose();
 * ```
 */
export function decodeAttention(cache: DecodeCache, layer: number, q: Tensor): Tensor {
  checkCall("decodeAttention", ATTEND, arguments);
  checkFloats("decodeAttention", { q });
  const { plan, B, positions } = cache;
  const { H, D, scale, block } = plan;
  const { keys, values } = layerOf("decodeAttention", cache, layer, q);
  if (formatShape(q.shape) !== formatShape([B, 1, H, D])) {
    throw new ShapeError(`decodeAttention: q must be [B, 1, H, D] = [${B}, 1, ${H}, ${D}]`, {
      details: describe({ q }),
      fix: "pass one query a sequence of the cache",
    });
  }
  const { device } = q;
  const dtype = kernelDtype(device, q.dtype);
  return device.scope(() => {
    const out = device.empty(q.shape, { dtype, label: "decoded" });
    const longest = Math.max(0, ...plan.heads.map((streams) => rowsOf(cache, streams)));
    const wide = widen(q);
    let windows = 0;
    forEachRows("decodeAttention", cache, keys, values, () => windows++);
    // Parts of all windows are joined at once.
    const room = Math.floor(device.limits.maxBindingBytes / (B * H * D * BYTES.f32 * windows));
    const splits =
      device.info.backend === "wasm"
        ? 1
        : Math.max(1, Math.min(MOST_SPLITS, Math.ceil(longest / ROWS_A_GROUP), windows > 1 ? room : MOST_SPLITS));
    const partsOf = (count: number) => ({
      parts: device.empty([B * H * count, D], { label: "decode parts" }),
      stats: device.empty([B * H * count, 2], { label: "decode parts" }),
    });
    const all = windows * splits > 1 ? partsOf(windows * splits) : undefined;
    let begin = 0;
    forEachRows("decodeAttention", cache, keys, values, (bound, window) => {
      const part = all && (windows > 1 ? partsOf(splits) : all);
      device.run(attendKernel, {
        tensors: {
          q: wide,
          ...window,
          positions,
          plan: cache.table,
          decay: cache.decay,
          out: part?.parts ?? out,
          stats: part?.stats,
        },
        scalars: {
          heads: H,
          branches: branchesOf(plan),
          streams: plan.streams.length,
          rows: plan.rows,
          splits,
          columns: D / 4,
          block,
          scale: scale * Math.LOG2E,
          out_scale: plan.outScale,
          half_floats: cache.dtype === "f16" ? 1 : 0,
          ...bound,
        },
        constants: { LANES, QUADS: D / 4 },
        groups: B * H * splits,
        items: B * H,
        scratchBytes: (D * (CHUNK + 2) + CHUNK + 16) * 4,
      });
      if (!part || !all || part === all) return;
      const where = { lead: B * H, total: windows, begin: begin++, count: 1 };
      putRuns(part.parts, all.parts, where);
      putRuns(part.stats, all.stats, where);
    });
    if (all) {
      const { quads, groups, items, constants } = flatLaunch(q.size);
      device.run(combineKernel, {
        tensors: { ...all, out },
        scalars: { quads, columns: D / 4, splits: windows * splits, out_scale: plan.outScale },
        constants,
        groups,
        items,
      });
    }
    return stored(out, q.dtype);
  });
}

function rowsOf({ plan }: DecodeCache, streams: readonly number[]): number {
  return streams.reduce((sum, index) => sum + (plan.streams[index]?.capacity ?? 0), 0);
}

function layerOf(caller: string, cache: DecodeCache, layer: number, given: Tensor): DecodeCache["layers"][number] {
  const found = cache.layers[layer];
  if (found === undefined) {
    throw new ConfigError(`${caller}: the cache has no layer ${layer}`, {
      details: [`layers: ${cache.layers.length}`],
      fix: "number layers from 0",
    });
  }
  const { positions } = cache;
  if (positions.disposed) throw new DisposedError(`${caller}: the cache was disposed`, { fix: "make a new one" });
  if (given.device !== positions.device) {
    throw new DeviceError(`${caller}: the cache lives on another device`, {
      details: [`given: ${given}`, `positions of the cache: ${positions}`],
      fix: "make the cache on the device of the model",
    });
  }
  return found;
}

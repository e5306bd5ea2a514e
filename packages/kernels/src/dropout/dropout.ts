import {
  apply,
  checkCall,
  type DifferentiableOp,
  defineKernel,
  type Filled,
  field,
  type KernelDefinition,
  philoxWgsl,
  seedKey,
  type Tensor,
} from "@dilated/core";
import { checkFloats, ONE_TENSOR } from "../shared/check.ts";
import { emptyLike } from "../shared/rows.ts";
import { runFlat } from "../shared/run.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./dropout.wgsl";

/** What {@link dropout} drops. */
export interface DropoutOptions {
  /** Share of the elements that become 0, from 0 to below 1. */
  readonly p: number;
  /** A non-negative safe integer; the same seed, stream and shape drop the same elements, on every backend. */
  readonly seed: number;
  /** Independent masks under one seed: an integer below 2^31. @defaultValue 0 */
  readonly stream?: number | undefined;
}

const options = field.options<DropoutOptions>({
  p: field.fraction(),
  seed: field.nonNegativeInteger(),
  stream: field.optional(field.nonNegativeInteger(2 ** 31 - 1)),
});
const ARGUMENTS = { ...ONE_TENSOR, options };

/** Attention's dropout uses the same third counter word for batch and head, below 2^31: the top bit keeps the two apart under one seed. */
export const ELEMENTWISE_STREAM: number = 2 ** 31;

/** The first element that is kept: word >= threshold. */
export function thresholdOf(p: number): number {
  return Math.min(2 ** 32 - 1, Math.round(p * 2 ** 32));
}

/** y = keep ? x·scale : 0. */
export const dropoutKernel: KernelDefinition<
  "x" | "y",
  "quads" | "first_lo" | "first_hi" | "stream" | "seed_lo" | "seed_hi" | "threshold" | "scale"
> = defineKernel({
  name: "dropout",
  tensors: { x: { access: "read", view: "vec4" }, y: { access: "write", view: "vec4" } },
  scalars: {
    quads: "u32",
    first_lo: "u32",
    first_hi: "u32",
    stream: "u32",
    seed_lo: "u32",
    seed_hi: "u32",
    threshold: "u32",
    scale: "f32",
  },
  wgsl: { source: `${philoxWgsl}\n${source}` },
  wasm: { module: kernelsModule, entry: "dropoutF32" },
});

// The mask is a function of positions and the seed: backward makes it again instead of keeping it.
const dropoutOp: DifferentiableOp<Filled<DropoutOptions>> = {
  name: "dropout",
  forward: ([x], options) => ({ outputs: x ? [run(x, options, "dropout")] : [], saved: [] }),
  backward: ({ grads: [dy], options }) => [dy && run(dy, options, "grad")],
};

function run(x: Tensor, { p, seed, stream }: Filled<DropoutOptions>, label: string): Tensor {
  const y = emptyLike(x, label);
  const [seed_lo, seed_hi] = seedKey(seed, "dropout");
  runFlat(x.device, dropoutKernel, {
    tensors: { x, y },
    scalars: (offset) => ({
      first_lo: (offset / 4) >>> 0,
      first_hi: Math.floor(offset / 2 ** 34),
      seed_lo,
      seed_hi,
      stream: ELEMENTWISE_STREAM + stream,
      threshold: thresholdOf(p),
      scale: 1 / (1 - p),
    }),
    scratchBytes: 128,
  });
  return y;
}

/**
 * Zeroes a random share p of the elements and scales the others by 1/(1 - p). Element e is kept iff word e mod 4 of Philox4x32-10 at counter
 * (e/4 low, e/4 high, 2^31 + stream, 0x0D120) under the seed is at least round(p·2^32): the same mask in backward, on every backend.
 *
 * @param x - any shape, f32 or f16
 * @returns shape and dtype of x; for p = 0 another handle on x
 * @throws ConfigError for unknown options or values out of range; DtypeError unless x is f32 or f16.
 * @see Srivastava et al.: "Dropout: a simple way to prevent neural networks from overfitting" (2014)
 */
export function dropout(x: Tensor, options: DropoutOptions): Tensor {
  checkCall("dropout", ARGUMENTS, arguments);
  checkFloats("dropout", { x });
  const { p, seed, stream = 0 } = options;
  if (p === 0) return x.alias();
  return apply(dropoutOp, [x], { p, seed, stream })[0] as Tensor;
}

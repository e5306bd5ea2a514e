import { philox4x32, reshape, type Tensor } from "@dilated/core";
import { dropout, matmul, scale } from "@dilated/kernels";

/** The random part of one training step in one layer; each use takes the next seed, so no two masks are alike. */
export interface NoisePlan {
  /** Dropout after each sublayer. */
  readonly residual: number;
  /** Dropout of attention weights. */
  readonly attention: number;
  /** Dropout inside the feed-forward. */
  readonly activation: number;
  /** Probability that a sample skips a sublayer. */
  readonly path: number;
  nextSeed(): number;
}

/** What {@link noisePlans} reads of a configuration. */
export interface NoiseConfig {
  readonly layers: number;
  readonly dropout: number;
  readonly attentionDropout: number;
  readonly activationDropout: number;
  readonly dropPath: number;
}

const SLOTS = 1024;
const USES = 16;

/**
 * Plans by layer: a fresh one each time it is asked for, so that recomputation in backward draws the same masks. Undefined where nothing is random.
 *
 * @param seed - of this step; leave out for evaluation
 * @param firstSlot - sets the plans of a second stack apart under one seed
 */
export function noisePlans(
  config: NoiseConfig,
  seed: number | undefined,
  firstSlot = 0,
): (layer: number) => NoisePlan | undefined {
  const { layers, dropout: residual, attentionDropout: attention, activationDropout: activation, dropPath } = config;
  if (seed === undefined || Math.max(residual, attention, activation, dropPath) === 0) return () => undefined;
  return (layer) => {
    let use = 0;
    const first = ((seed * SLOTS + ((firstSlot + layer) % SLOTS)) * USES) % 2 ** 53;
    const path = layers > 1 ? (dropPath * Math.min(layer, layers - 1)) / (layers - 1) : 0;
    return { residual, attention, activation, path, nextSeed: () => first + (use++ % USES) };
  };
}

/** Dropout as a plan has it; x itself without one. */
export function drop(x: Tensor, p: number | undefined, plan: NoisePlan | undefined): Tensor {
  return plan && p ? dropout(x, { p, seed: plan.nextSeed() }) : x;
}

/**
 * Stochastic depth: each sample of the batch is zeroed with probability p, the others are scaled by 1 / (1 - p).
 *
 * @param x - [B, ...]
 * @see Huang et al., "Deep networks with stochastic depth" (arXiv 1603.09382)
 */
export function dropPath(x: Tensor, p: number, seed: number): Tensor {
  if (p === 0) return x;
  const [B = 1] = x.shape;
  const keep = Array.from({ length: B }, (_, b) => {
    const [word = 0] = philox4x32([b, 0, 0, 0xd409], [seed >>> 0, Math.floor(seed / 2 ** 32)]);
    return word >= p * 2 ** 32 ? 1 / (1 - p) : 0;
  });
  if (B === 1) return scale(x, keep[0] ?? 1);
  // Rows of a matrix are scaled by a product with a diagonal one; B is small.
  const diagonal = Float32Array.from({ length: B * B }, (_, i) => (i % (B + 1) === 0 ? (keep[i / (B + 1)] ?? 0) : 0));
  const factors = x.device.tensor(diagonal, [B, B], { dtype: x.dtype, label: "drop path" });
  return reshape(matmul(factors, reshape(x, [B, -1])), x.shape);
}

import {
  apply,
  checkCall,
  type DifferentiableOp,
  type Field,
  type FieldsOf,
  field,
  LimitError,
  philox4x32,
  RANDOM_DOMAINS,
  ShapeError,
  seedKey,
  type Tensor,
} from "@dilated/core";
import { dropout, scale } from "@dilated/kernels";

/** Which mask: seed and stream of a use of random numbers. */
export interface NoiseSource {
  readonly seed: number;
  readonly stream: number;
}

/** The random part of one training step in one layer; each use takes the next stream of the seed, so no two masks are alike. */
export interface NoisePlan {
  /** Dropout after each sublayer. */
  readonly residual: number;
  /** Dropout of attention weights. */
  readonly attention: number;
  /** Dropout inside the feed-forward. */
  readonly activation: number;
  /** Probability that a sample skips a sublayer. */
  readonly path: number;
  next(): NoiseSource;
}

const PLAN_FIELDS: FieldsOf<NoisePlan> = {
  residual: field.fraction(),
  attention: field.fraction(),
  activation: field.fraction(),
  path: field.fraction(),
  next: field.func("that gives { seed, stream }"),
};
export const PLAN: Field<unknown> = field.optional(field.object(PLAN_FIELDS));

const DROP_PATH = {
  x: field.tensor("[B, ...]"),
  p: field.fraction(),
  seed: field.nonNegativeInteger(),
  stream: field.optional(field.nonNegativeInteger(2 ** 32 - 1)),
};

/** What {@link noisePlans} reads of a configuration. */
export interface NoiseConfig {
  readonly layers: number;
  readonly dropout: number;
  readonly attentionDropout: number;
  readonly activationDropout: number;
  readonly dropPath: number;
}

// A stream is slot·16 + use, of 16 bits, as attention's dropout takes it: every (slot, use) has its own, and nothing wraps around.
const USES = 16;
const SLOTS = 2 ** 16 / USES;

/**
 * Plans by layer: a fresh one each time it is asked for, so that recomputation in backward draws the same masks. Undefined where nothing is random.
 * Masks are functions of (seed, slot, use) that share no Philox counter: seeds are its key, slot and use are a part of the counter.
 *
 * @param seed - of this step; leave out for evaluation
 * @param firstSlot - sets the plans of a second stack apart under one seed
 * @throws LimitError for more than 4,096 layers, embeddings of each stack included.
 */
export function noisePlans(
  config: NoiseConfig,
  seed: number | undefined,
  firstSlot = 0,
): (layer: number) => NoisePlan | undefined {
  const { layers, dropout: residual, attentionDropout: attention, activationDropout: activation, dropPath } = config;
  if (seed === undefined || Math.max(residual, attention, activation, dropPath) === 0) return () => undefined;
  return (layer) => {
    const slot = firstSlot + layer;
    if (slot >= SLOTS) {
      throw new LimitError(`dropout: layer ${slot} is one too many to have masks of its own`, {
        details: [`limit: ${SLOTS} layers, embeddings included`],
        fix: "use fewer layers, or no dropout",
      });
    }
    let use = 0;
    const next = (): NoiseSource => {
      if (use === USES) throw new LimitError(`dropout: a layer has more than ${USES} masks`, { fix: "use fewer" });
      return { seed, stream: slot * USES + use++ };
    };
    const path = layers > 1 ? (dropPath * Math.min(layer, layers - 1)) / (layers - 1) : 0;
    return { residual, attention, activation, path, next };
  };
}

/** Dropout as a plan has it; x itself without one. */
export function drop(x: Tensor, p: number | undefined, plan: NoisePlan | undefined): Tensor {
  return plan && p ? dropout(x, { p, ...plan.next() }) : x;
}

/** Copies the samples that are kept; the others are 0, whatever is in them. */
const keepSamplesOp: DifferentiableOp<readonly boolean[]> = {
  name: "dropPath",
  forward: ([x], keep) => ({ outputs: x ? [kept(x, keep)] : [], saved: [] }),
  backward: ({ grads: [grad], options: keep }) => [grad && kept(grad, keep)],
};

function kept(x: Tensor, keep: readonly boolean[]): Tensor {
  const y = x.device.zeros(x.shape, { dtype: x.dtype, label: "drop path" });
  const count = x.size / keep.length;
  for (const [b, keeps] of keep.entries()) if (keeps) x.device.copy(x, y, { from: b * count, to: b * count, count });
  return y;
}

/**
 * Stochastic depth: each sample of the batch is zeroed with probability p, the others are scaled by 1 / (1 - p). What
 * is not finite stays in its sample.
 *
 * @param x - [B, ...]
 * @param stream - independent choices under one seed: u32
 * @see Huang et al., "Deep networks with stochastic depth" (arXiv 1603.09382)
 */
export function dropPath(x: Tensor, p: number, seed: number, stream = 0): Tensor {
  checkCall("dropPath", DROP_PATH, arguments);
  if (x.rank === 0 || (x.dtype !== "f32" && x.dtype !== "f16")) {
    throw new ShapeError("dropPath: x must be [B, ...] of f32 or f16", {
      details: [String(x)],
      fix: "pass the output of a sublayer",
    });
  }
  if (p === 0 || x.size === 0) return x;
  const key = seedKey(seed, "dropPath");
  const keep = Array.from({ length: x.shape[0] ?? 1 }, (_, b) => {
    const [word = 0] = philox4x32([b, 0, stream, RANDOM_DOMAINS.dropPath], key);
    return word >= p * 2 ** 32;
  });
  return x.device.scope(() => {
    const scaled = scale(x, 1 / (1 - p));
    return keep.every(Boolean) ? scaled : (apply(keepSamplesOp, [scaled], keep)[0] as Tensor);
  });
}

import type { LongNetLMOptions } from "./config.ts";

const ladder = (...pairs: readonly (readonly [number, number])[]) =>
  pairs.map(([segment, dilation]) => ({ segment, dilation }));

/** Named sizes. `base` is the paper's (arXiv 2307.02486, section 4.1); the small ones train on a CPU. */
export const LONGNET_LM_PRESETS: Readonly<Record<"tiny" | "small" | "base", LongNetLMOptions>> = {
  tiny: { dim: 96, layers: 3, heads: 4, branches: ladder([256, 1], [1024, 4], [4096, 16]) },
  small: { dim: 256, layers: 6, heads: 8, branches: ladder([512, 1], [2048, 2], [8192, 4], [32768, 8]) },
  base: { dim: 768, layers: 12, heads: 12, branches: ladder([2048, 1], [4096, 2], [8192, 4], [16384, 6], [32768, 12]) },
};

import type { Branch } from "@dilated/kernels";
import type { LongNetEncoderOptions } from "@dilated/models";
import { VOCABULARY } from "./kmers.ts";

/** How large a model, how it is trained. */
export interface Plan {
  readonly model: LongNetEncoderOptions;
  /** N: bases of a training sequence. */
  readonly seq: number;
  /** B: sequences a step. */
  readonly batch: number;
  readonly steps: number;
  readonly peakLearningRate: number;
}

/** What the command line may say about the plan. */
export interface PlanOptions {
  readonly dim: number | undefined;
  readonly layers: number | undefined;
  readonly steps: number | undefined;
  readonly seq: number | undefined;
}

/** Bases that a token sees at most. */
export const LONGEST_SEGMENT = 65_536;

/** 128 keys a token and head on average: codons all around, genes every fourth base, operons every 16th, and beyond every 64th. */
export const BRANCHES: readonly Branch[] = [
  { segment: 64, dilation: 1 },
  { segment: 512, dilation: 4 },
  { segment: 4_096, dilation: 16 },
  { segment: LONGEST_SEGMENT, dilation: 64 },
];

/** Sizes that take a few minutes on two CPU cores, or use a GPU; options win. `longest` is the longest run of bases to train on. */
export function planModel(gpu: boolean, longest: number, options: PlanOptions): Plan {
  const dim = options.dim ?? (gpu ? 256 : 64);
  return {
    model: {
      vocab: VOCABULARY,
      dim,
      layers: options.layers ?? (gpu ? 6 : 3),
      heads: dim / (dim % 32 === 0 && dim >= 256 ? 32 : 16),
      hidden: 2 * dim,
      branches: BRANCHES,
      position: "rope", // turns by exact angles at any distance, and nothing fades
    },
    seq: options.seq ?? Math.min(gpu ? 32_768 : 8_192, longest),
    batch: 1,
    steps: options.steps ?? 300,
    peakLearningRate: gpu ? 2e-3 : 4e-3,
  };
}

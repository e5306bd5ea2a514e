import type { DeviceInfo } from "@dilated/core";
import type { Branch } from "@dilated/kernels";
import type { LongNetLMOptions } from "@dilated/models";
import type { Options } from "./options.ts";

/** How large a model, and how long to train it. */
export interface Plan {
  readonly model: LongNetLMOptions;
  readonly steps: number;
  readonly peakLearningRate: number;
}

/** Sizes that finish in under three minutes on two CPU cores, or use a GPU; flags win. */
export function planRun(info: DeviceInfo, options: Options): Plan {
  const gpu = info.backend === "webgpu" && !info.software;
  const dim = options.dim ?? (gpu ? 256 : 96);
  const layers = options.layers ?? (gpu ? 6 : 3);
  const heads = dim % 32 === 0 && dim >= 128 ? dim / 32 : dim % 24 === 0 ? dim / 24 : dim / 16;
  return {
    model: { vocab: 256, dim, layers, heads, branches: branchesFor(options.seq) },
    steps: options.steps ?? (gpu ? 600 : 240),
    peakLearningRate: gpu ? 2e-3 : 4e-3,
  };
}

/** Segments a quarter of each other up to the whole context, dilations growing with them: 4096 -> (256, 1), (1024, 4), (4096, 16). */
export function branchesFor(seq: number): Branch[] {
  const all = [16, 4, 1].map((dilation) => ({ segment: Math.ceil((seq * dilation) / 16), dilation }));
  return all.reverse();
}

import type { DeviceInfo } from "@dilated/core";
import type { Branch } from "@dilated/kernels";
import type { LongNetViTOptions } from "@dilated/models";
import type { Stage } from "./batches.ts";
import { FEATURES } from "./features.ts";
import type { Options } from "./options.ts";
import { TILE } from "./slide.ts";

/** How large a model, and on what to train it. */
export interface Plan {
  readonly model: LongNetViTOptions;
  readonly stages: readonly Stage[];
  readonly peakLearningRate: number;
}

/** Tiles a slide, slides a step and steps: every stage takes about as long as another. Two CPU cores, and a GPU. */
const STAGES: Record<"cpu" | "gpu", readonly Stage[]> = {
  cpu: [
    { tiles: 256, slides: 8, steps: 100, annotated: true },
    { tiles: 1024, slides: 8, steps: 80 },
    { tiles: 4096, slides: 4, steps: 40 },
    { tiles: 16_384, slides: 2, steps: 30 },
  ],
  gpu: [
    { tiles: 256, slides: 16, steps: 150, annotated: true },
    { tiles: 1024, slides: 16, steps: 150 },
    { tiles: 4096, slides: 8, steps: 100 },
    { tiles: 16_384, slides: 4, steps: 100 },
  ],
};

/** Sizes that finish in a few minutes on two CPU cores, or use a GPU; flags win. */
export function planRun(info: Pick<DeviceInfo, "backend" | "software">, options: Options): Plan {
  const gpu = info.backend === "webgpu" && !info.software;
  const dim = options.dim ?? (gpu ? 64 : 32);
  return {
    model: {
      tileDim: FEATURES,
      dim,
      layers: options.layers,
      heads: dim / 8,
      branches: options.context === "slide" ? SLIDE : TILE_ONLY,
      tileSize: TILE,
      grid: 1024,
      // Every tile is scored, and a tile is abnormal wherever it lies.
      classToken: false,
      gridPosition: "none",
    },
    stages: stagesUpTo(options.tiles, STAGES[gpu ? "gpu" : "cpu"], options.effort),
    peakLearningRate: 3e-3,
  };
}

/**
 * A tile sees the 256 tiles around it in reading order, every fourth of 2048, and every sixteenth of up to 131,072: the whole slide,
 * whatever its size, for the price of a few hundred keys.
 */
const SLIDE: readonly Branch[] = [
  { segment: 256, dilation: 1 },
  { segment: 2048, dilation: 4 },
  { segment: 131_072, dilation: 16 },
];

/** A tile sees itself only: the same network without context. */
const TILE_ONLY: readonly Branch[] = [{ segment: 1, dilation: 1 }];

/** The stages of smaller slides, and one like the next at the size asked for. */
function stagesUpTo(tiles: number, stages: readonly Stage[], effort: number): Stage[] {
  const scaled = stages.map((stage) => ({ ...stage, steps: Math.max(1, Math.round(stage.steps * effort)) }));
  const smaller = scaled.filter((stage) => stage.tiles < tiles);
  const next = scaled[smaller.length] ?? (scaled.at(-1) as Stage);
  return [...smaller, { ...next, tiles }];
}

import { AbortedError } from "@dilated/core";
import { toBatch } from "./batches.ts";
import type { Detector } from "./detector.ts";
import { auc, hits } from "./metrics.ts";
import { makeSlide, type Slide } from "./slide.ts";
import type { Tissue } from "./source.ts";

/** How well the detector does on slides of tissue that it never saw. */
export interface Evaluation {
  readonly slides: number;
  readonly tiles: number;
  /** Share of slides told right: abnormal exactly when some tile scores above 0. */
  readonly accuracy: number;
  /** @see auc */
  readonly auc: number;
  /** Share of planted tiles that are among as many highest-scoring tiles of their slide. */
  readonly hitRate: number;
  readonly abnormalScores: readonly number[];
  readonly healthyScores: readonly number[];
  /** One forward pass, on average. */
  readonly secondsPerSlide: number;
}

/** What to evaluate on. */
export interface EvaluateOptions {
  readonly tissue: readonly Tissue[];
  readonly tiles: number;
  /** Slides, half of them abnormal. */
  readonly slides: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onSlide?: (done: number) => void;
}

/** What the detector makes of a slide. */
export interface Scores {
  /** [L] */
  readonly scores: Float32Array;
  /** The highest of them: the slide's own. */
  readonly worst: number;
  /** From the tiles' features on the host to their scores on the host. */
  readonly seconds: number;
}

/** Reads a slide in one forward pass. */
export async function scoreSlide(detector: Detector, slide: Slide): Promise<Scores> {
  const { device } = detector;
  const { tiles, coordinates } = toBatch([slide]);
  const started = performance.now();
  using scores = device.scope(() => detector.scores({ tiles: device.tensor(tiles.data, tiles.shape), coordinates }));
  const data = (await scores.data()) as Float32Array;
  const seconds = (performance.now() - started) / 1000;
  return { scores: data, worst: data.reduce((a, b) => Math.max(a, b)), seconds };
}

/** Goes through held-out slides one by one. */
export async function evaluate(detector: Detector, options: EvaluateOptions): Promise<Evaluation> {
  const { tissue, tiles, slides, seed, signal, onSlide } = options;
  const [abnormalScores, healthyScores]: [number[], number[]] = [[], []];
  let [found, planted, time] = [0, 0, 0];
  for (let i = 0; i < slides; i++) {
    if (signal.aborted)
      throw new AbortedError(`slide: stopped after ${i} of ${slides} held-out slides`, { cause: signal.reason });
    const abnormal = i % 2 === 0;
    const slide = makeSlide({ tissue, tiles, abnormal, seed: heldOutSeed(seed, i) });
    const { scores, worst, seconds } = await scoreSlide(detector, slide);
    (abnormal ? abnormalScores : healthyScores).push(worst);
    time += seconds;
    found += hits(scores, slide.planted);
    planted += slide.planted.length;
    onSlide?.(i + 1);
  }
  const right = abnormalScores.filter((score) => score > 0).length + healthyScores.filter((score) => score <= 0).length;
  return {
    slides,
    tiles,
    accuracy: right / slides,
    auc: auc(abnormalScores, healthyScores),
    hitRate: found / planted,
    abnormalScores,
    healthyScores,
    secondsPerSlide: time / slides,
  };
}

/** Seeds above those of the curriculum. */
export const heldOutSeed = (seed: number, i: number): number => 2 ** 50 + seed * 1000 + i;

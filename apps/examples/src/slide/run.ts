import type { Device } from "@dilated/core";
import { adamW, train, warmupCosine } from "@dilated/models";
import { curriculum, type Stage, stageOf } from "./batches.ts";
import { createDetector, type Detector } from "./detector.ts";
import { type Evaluation, evaluate, heldOutSeed, type Scores, scoreSlide } from "./evaluate.ts";
import { hits } from "./metrics.ts";
import type { Options } from "./options.ts";
import { planRun } from "./plan.ts";
import { makeSlide, type Slide } from "./slide.ts";
import type { Section, Tissue } from "./source.ts";

/** A held-out slide and what the detector makes of it. */
export interface ScoredSlide extends Scores {
  readonly slide: Slide;
  /** Planted tiles among as many highest-scoring ones. */
  readonly hits: number;
}

/** A slide that was read in one pass. */
export interface LargeSlide extends ScoredSlide {
  /** Bytes of tensors alive at once, at their highest. */
  readonly peakBytes: number;
}

/** What a run comes to. */
export interface RunResult {
  readonly detector: Detector;
  readonly losses: readonly number[];
  readonly heldOut: Evaluation;
  /** The first abnormal slide of the held-out ones. */
  readonly example: ScoredSlide;
  readonly large: LargeSlide | undefined;
}

/** Told what happens, as it happens. */
export interface Listener {
  /** Counted in tiles, since steps are of very different length. */
  trained(tiles: number, of: number, note: string): void;
  evaluated(slides: number, of: number): void;
}

/** Trains, evaluates on held-out slides, and reads a large one. */
export async function run(
  device: Device,
  section: Section,
  options: Options,
  listener: Listener,
  signal: AbortSignal,
): Promise<RunResult> {
  const { model, stages, peakLearningRate } = planRun(device.info, options);
  const detector = createDetector(device, model, options.seed);
  const losses = await learn(detector, section.train, stages, {
    peakLearningRate,
    seed: options.seed,
    listener,
    signal,
  });
  const { tiles, slides, seed } = options;
  const tissue = section.heldOut;
  const onSlide = (done: number) => listener.evaluated(done, slides);
  const heldOut = await evaluate(detector, { tissue, tiles, slides, seed, signal, onSlide });
  const example = await read(detector, makeSlide({ tissue, tiles, abnormal: true, seed: heldOutSeed(seed, 0) }));
  const large = options.large > 0 ? await readLarge(detector, tissue, options) : undefined;
  return { detector, losses, heldOut, example, large };
}

/** The training loop: losses, one a step. */
async function learn(
  detector: Detector,
  tissue: readonly Tissue[],
  stages: readonly Stage[],
  {
    peakLearningRate,
    seed,
    listener,
    signal,
  }: { peakLearningRate: number; seed: number; listener: Listener; signal: AbortSignal },
): Promise<number[]> {
  const steps = stages.reduce((sum, stage) => sum + stage.steps, 0);
  const all = stages.reduce((sum, stage) => sum + tilesOf(stage) * stage.steps, 0);
  const lr = warmupCosine({ peak: peakLearningRate, warmup: Math.min(20, Math.floor(steps / 4)), total: steps });
  const losses: number[] = [];
  let done = 0;
  const batches = curriculum(tissue, stages, seed);
  for await (const report of train(detector, batches, { optimizer: adamW({ lr }), steps, seed, signal })) {
    const { step, loss } = report;
    const stage = stageOf(stages, step - 1);
    losses.push(loss);
    done += tilesOf(stage);
    const note = `step ${step}/${steps}, slides of ${stage.tiles.toLocaleString("en")}, loss ${loss.toFixed(3)}`;
    listener.trained(done, all, note);
  }
  return losses;
}

/** Tiles of a step. */
const tilesOf = ({ tiles, slides }: Stage): number => tiles * slides;

async function read(detector: Detector, slide: Slide): Promise<ScoredSlide> {
  const found = await scoreSlide(detector, slide);
  return { ...found, slide, hits: hits(found.scores, slide.planted) };
}

async function readLarge(detector: Detector, tissue: readonly Tissue[], { large, seed }: Options): Promise<LargeSlide> {
  const { device } = detector;
  const slide = makeSlide({ tissue, tiles: large, abnormal: true, seed: heldOutSeed(seed, 500) });
  await device.sync();
  device.resetPeak();
  const scored = await read(detector, slide);
  return { ...scored, peakBytes: device.stats().peak };
}

import type { Batches } from "@dilated/models";
import { FEATURES, tileFeatures } from "./features.ts";
import { random } from "./random.ts";
import { makeSlide, type Slide } from "./slide.ts";
import type { Tissue } from "./source.ts";

/** Slides of one size for some steps. */
export interface Stage {
  /** L: tiles a slide. */
  readonly tiles: number;
  /** B: slides a step; every other one is abnormal. */
  readonly slides: number;
  readonly steps: number;
  /** Whether abnormal tiles are marked, as pathologists mark regions; otherwise only each slide's diagnosis is known. */
  readonly annotated?: boolean;
}

/** Slides on the host, as the detector takes them. */
export interface SlideBatch {
  /** [B, L, C] */
  readonly tiles: { readonly data: Float32Array; readonly shape: readonly [number, number, number] };
  /** [B, L, 2] */
  readonly coordinates: Float32Array;
  /** [B] diagnoses, or [B, L] marks. */
  readonly labels: { readonly data: ArrayLike<number>; readonly shape: readonly number[]; readonly dtype: "i32" };
}

/** Lays slides of one size side by side, with their diagnoses. */
export function toBatch(slides: readonly Slide[]): SlideBatch {
  const L = slides[0]?.places.length ?? 0;
  const B = slides.length;
  const data = new Float32Array(B * L * FEATURES);
  const coordinates = new Float32Array(B * L * 2);
  slides.forEach((slide, b) => {
    data.set(tileFeatures(slide), b * L * FEATURES);
    coordinates.set(slide.coordinates, b * L * 2);
  });
  const diagnoses = slides.map(({ planted }) => (planted.length > 0 ? 1 : 0));
  return {
    tiles: { data, shape: [B, L, FEATURES] },
    coordinates,
    labels: { data: diagnoses, shape: [B], dtype: "i32" },
  };
}

/** The marks of slides: 1 abnormal, 0 healthy, -1 not looked at, which is most of the healthy ones, so that the abnormal ones count. */
function marks(slides: readonly Slide[], seed: number): SlideBatch["labels"] {
  const L = slides[0]?.places.length ?? 0;
  const next = random(seed, 1);
  const data = Int32Array.from({ length: slides.length * L }, () => (next() < LOOKED_AT ? 0 : -1));
  slides.forEach(({ planted }, b) => {
    for (const tile of planted) data[b * L + tile] = 1;
  });
  return { data, shape: [slides.length, L], dtype: "i32" };
}

/** Share of healthy tiles that an annotated slide marks as healthy. */
const LOOKED_AT = 0.25;

/** Which stage a step belongs to. */
export function stageOf(stages: readonly Stage[], step: number): Stage {
  const ends = stages.map((_, i) => stages.slice(0, i + 1).reduce((sum, { steps }) => sum + steps, 0));
  const stage = stages[ends.findIndex((end) => step < end)] ?? stages.at(-1);
  if (!stage) throw new RangeError("stageOf: there are no stages");
  return stage;
}

/** New slides at every step: a few tiles with marks first, then more and more with nothing but the diagnosis. */
export function curriculum(tissue: readonly Tissue[], stages: readonly Stage[], seed: number): Batches<SlideBatch> {
  return (step) => {
    const { tiles, slides: B, annotated } = stageOf(stages, step);
    const first = (seed * 100_003 + step) * 64; // no stage has more slides a step
    const slides = Array.from({ length: B }, (_, b) =>
      makeSlide({ tissue, tiles, abnormal: b % 2 === 0, seed: first + b }),
    );
    const batch = toBatch(slides);
    return annotated ? { ...batch, labels: marks(slides, first) } : batch;
  };
}

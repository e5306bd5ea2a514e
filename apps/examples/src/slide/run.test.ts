import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AbortedError, openDevice } from "@dilated/core";
import { loadImage } from "@napi-rs/canvas";
import { beforeAll, expect, test } from "vitest";
import { renderPlot } from "../shared/plot/plot.ts";
import { curriculum, stageOf } from "./batches.ts";
import { scoresChart } from "./chart.ts";
import { FEATURES } from "./features.ts";
import { type Options, parseOptions } from "./options.ts";
import { savePicture } from "./picture/picture.ts";
import { type RunResult, run } from "./run.ts";
import { loadSection, type Section } from "./source.ts";

let section: Section;
beforeAll(async () => {
  section = await loadSection();
});

const small = ["--tiles", "64", "--slides", "4", "--large", "0", "--dim", "8", "--layers", "1"];

/** Runs small; with `stopAfter` it is interrupted once so many tiles are done. */
async function runWith(args: readonly string[], stopAfter = Number.POSITIVE_INFINITY): Promise<RunResult> {
  using device = await openDevice({ backend: "wasm", threads: 1 });
  const controller = new AbortController();
  const listener = { trained: (done: number) => done >= stopAfter && controller.abort(), evaluated: () => {} };
  return await run(device, section, parseOptions([...small, ...args]) as Options, listener, controller.signal);
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test("learns where abnormal tiles are, finds them on other tissue, and draws them", async () => {
  const { losses, heldOut, example } = await runWith(["--effort", "1", "--dim", "16"]);
  expect(losses).toHaveLength(100);
  expect(mean(losses.slice(-10))).toBeLessThan(0.5 * mean(losses.slice(0, 10)));
  expect(heldOut).toMatchObject({ slides: 4, tiles: 64 });
  expect(heldOut.hitRate).toBeGreaterThan(0.5); // by chance: a tenth
  expect(example.slide.planted.length).toBeGreaterThanOrEqual(example.hits);
  const folder = await mkdtemp(join(tmpdir(), "slide-"));
  try {
    const picture = await loadImage(await savePicture(join(folder, "new"), "slide", example));
    expect([picture.width, picture.height]).toEqual([1240, 974]);
  } finally {
    await rm(folder, { recursive: true });
  }
  const { svg } = await renderPlot(scoresChart(heldOut), 1);
  for (const words of ["abnormal slides", "healthy slides", "score of the slide"]) expect(svg).toContain(words);
});

test("diagnoses alone train it too; a large slide is read in one pass; the same seed gives the same numbers", async () => {
  const args = ["--tiles", "300", "--effort", "0.02", "--large", "1000"];
  const [a, b] = [await runWith(args), await runWith(args)];
  expect(a.losses).toHaveLength(4); // two with marks, two with diagnoses
  expect(a.losses.every((loss) => Number.isFinite(loss) && loss > 0)).toBe(true);
  expect(a.large?.scores).toHaveLength(1000);
  expect(a.large?.peakBytes).toBeGreaterThan(1000 * FEATURES * 4);
  expect([b.losses, b.heldOut.abnormalScores, b.large?.scores]).toEqual([
    a.losses,
    a.heldOut.abnormalScores,
    a.large?.scores,
  ]);
  expect((await runWith([...args, "--context", "tile"])).losses).not.toEqual(a.losses);
});

test("an interrupted run ends with AbortedError, in training and in evaluation", async () => {
  await expect(runWith(["--effort", "0.1"], 8 * 64)).rejects.toThrow(/stopped after step 1 of 10/);
  await expect(runWith(["--effort", "0.01"], 8 * 64)).rejects.toThrow(/after 0 of 4 held-out slides/);
  await expect(runWith(["--effort", "0.01"], 8 * 64)).rejects.toBeInstanceOf(AbortedError);
});

test("batches depend on step and seed alone; marks say what is abnormal and little of the rest", async () => {
  const stages = [
    { tiles: 64, slides: 2, steps: 1, annotated: true },
    { tiles: 80, slides: 4, steps: 2 },
  ];
  expect([0, 1, 2, 9].map((step) => stageOf(stages, step).tiles)).toEqual([64, 80, 80, 80]);
  const batches = curriculum(section.train, stages, 3);
  const [marked, diagnosed] = [await batches(0), await batches(1)];
  expect(await curriculum(section.train, stages, 3)(1)).toEqual(diagnosed);
  expect(await batches(2)).not.toEqual(diagnosed);
  expect(diagnosed.labels).toEqual({ data: [1, 0, 1, 0], shape: [4], dtype: "i32" });
  expect(diagnosed.tiles.shape).toEqual([4, 80, FEATURES]);
  const marks = Array.from(marked.labels.data);
  expect(marked.labels.shape).toEqual([2, 64]);
  expect(marks.slice(0, 64).filter((mark) => mark === 1).length).toBeGreaterThanOrEqual(4);
  expect(marks.slice(64)).not.toContain(1);
  expect(marks.filter((mark) => mark === -1).length).toBeGreaterThan(64);
});

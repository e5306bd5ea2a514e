import { expect, test } from "vitest";
import { evaluationBatch, octavesOf, type Recall, type Task, trainingBatch, vocabulary } from "./task.ts";

const task: Task = { keys: 3, values: 4, filler: 5 };
const { pairs, questions, answers, size } = vocabulary(task);

/** Every question of a batch: where it stands, where its pair stands, and whether the target is the pair's value. */
function asked({ tokens, targets, shape: [B, N] }: Recall) {
  return Array.from({ length: B }, (_, b) => b).flatMap((b) => {
    const row = [...tokens.subarray(b * N, (b + 1) * N)];
    return row.flatMap((token, at) => {
      if (token < questions || token >= answers) return [];
      const key = token - questions;
      const planted = row.flatMap((t, i) =>
        t >= pairs && t < questions && Math.floor((t - pairs) / task.values) === key ? [i] : [],
      );
      const value = ((row[planted[0] as number] as number) - pairs) % task.values;
      return [{ at, planted, right: targets[b * N + at] === answers + value }];
    });
  });
}

test("octaves cover every distance once", () => {
  expect(octavesOf(64)).toEqual([4, 8, 16, 32].map((from) => ({ from, to: 2 * from })));
  expect(octavesOf(100).at(-1)).toEqual({ from: 64, to: 100 });
});

test("evaluation asks once, at the end, at a distance of the octave", () => {
  for (const octave of octavesOf(64)) {
    const batch = evaluationBatch(task, [20, 64], octave, 1, 0);
    const all = asked(batch);
    expect(all).toHaveLength(20);
    for (const { at, planted, right } of all) {
      expect([at, planted.length, right]).toEqual([63, 1, true]);
      expect(63 - (planted[0] as number)).toBeGreaterThanOrEqual(octave.from);
      expect(63 - (planted[0] as number)).toBeLessThan(octave.to);
    }
    expect(batch.targets.filter((target) => target >= 0)).toHaveLength(20);
    expect(Math.max(...batch.tokens)).toBeLessThan(answers);
  }
});

test("training asks at slot ends only, of pairs that came before, at near and far distances", () => {
  const batch = trainingBatch(task, [8, 256], 8, 1, 0);
  const all = asked(batch);
  expect(all.length).toBeGreaterThan(60);
  expect(batch.targets.filter((target) => target >= 0)).toHaveLength(all.length);
  for (const { at, planted, right } of all) {
    expect([at % 8, planted.length, right]).toEqual([7, 1, true]);
    expect(planted[0]).toBeLessThan(at);
  }
  const distances = all.map(({ at, planted }) => at - (planted[0] as number));
  expect(Math.min(...distances)).toBeLessThan(16);
  expect(Math.max(...distances)).toBeGreaterThan(128);
});

test("the same seed and step give the same batch, others do not", () => {
  const draw = (seed: number, step: number) => [...trainingBatch(task, [1, 64], 8, seed, step).tokens];
  expect(draw(1, 3)).toEqual(draw(1, 3));
  expect(draw(1, 4)).not.toEqual(draw(1, 3));
  expect(draw(2, 3)).not.toEqual(draw(1, 3));
  expect(size).toBe(5 + 12 + 3 + 4);
});

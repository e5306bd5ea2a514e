import { type Random, randomOf } from "./random.ts";

/**
 * Associative recall: among filler, one (key, value) pair of each key is planted; a question names a key, and its value is the answer. One token a
 * pair and one a question, so that what is hard is the distance.
 *
 * @see Zoology (arXiv 2312.04927), multi-query associative recall
 */
export interface Task {
  /** Different keys; all pairs but the one that is asked for are distractors. */
  readonly keys: number;
  /** Different values; chance is 1 / values. */
  readonly values: number;
  /** Different filler tokens. */
  readonly filler: number;
}

/** Sequences [B, N] and what should follow each token; -1 where nothing is asked. */
export interface Recall {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  readonly shape: readonly [number, number];
}

/** Tokens are, in this order: filler, (key, value) pairs, questions (one a key), answers (one a value). */
export function vocabulary({ keys, values, filler }: Task) {
  const questions = filler + keys * values;
  const answers = questions + keys;
  return { pairs: filler, questions, answers, size: answers + values };
}

/** Streams of random numbers that have nothing to do with each other. */
const TRAINING = 1;
const EVALUATION = 2;

/**
 * A training batch of B sequences of N tokens with many questions each, at ends of stretches of `slot` tokens. Each asks for the planted pair whose
 * distance is nearest to one drawn log-uniformly, so that all octaves of distances come up.
 */
export function trainingBatch(
  task: Task,
  [B, N]: readonly [number, number],
  slot: number,
  seed: number,
  step: number,
): Recall {
  const batch = emptyBatch(B, N);
  const { questions, answers } = vocabulary(task);
  for (let b = 0; b < B; b++) {
    const random = randomOf(seed, TRAINING, step, b);
    const [row, targets] = rowsOf(batch, b);
    fillRow(task, row, random);
    const taken = new Set<number>();
    while (taken.size < Math.max(1, Math.floor(N / (2 * slot)))) taken.add(slot * (1 + random.below(N / slot)) - 1);
    const slots = [...taken];
    const planted = Array.from({ length: task.keys }, (_, key) =>
      plant(task, key, row, free(taken, N, random), random),
    );
    for (const t of slots) {
      const wanted = Math.log(N) * random.uniform();
      const miss = ({ at }: Planted): number =>
        at < t ? Math.abs(Math.log(t - at) - wanted) : Number.POSITIVE_INFINITY;
      const asked = planted.reduce((best, pair) => (miss(pair) < miss(best) ? pair : best));
      if (asked.at > t) continue; // nothing was planted yet
      row[t] = questions + asked.key;
      targets[t] = answers + asked.value;
    }
  }
  return batch;
}

/** Distances [from, to) that one measurement covers. */
export interface Octave {
  readonly from: number;
  readonly to: number;
}

/** [4, 8), [8, 16), ... up to the longest distance of N tokens, N - 1. */
export function octavesOf(N: number): Octave[] {
  const all: Octave[] = [];
  for (let from = 4; from < N; from *= 2) all.push({ from, to: Math.min(2 * from, N) });
  return all;
}

/** A batch with one question a sequence, its last token, and the pair that it asks for at a distance in the octave, each equally often. */
export function evaluationBatch(
  task: Task,
  [B, N]: readonly [number, number],
  { from, to }: Octave,
  seed: number,
  step: number,
): Recall {
  const batch = emptyBatch(B, N);
  const { questions, answers } = vocabulary(task);
  for (let b = 0; b < B; b++) {
    const random = randomOf(seed, EVALUATION + from, step, b);
    const [row, targets] = rowsOf(batch, b);
    fillRow(task, row, random);
    const asked = random.below(task.keys);
    const at = N - 1 - from - random.below(to - from);
    const taken = new Set([N - 1, at]);
    const { value } = plant(task, asked, row, at, random);
    for (let key = 0; key < task.keys; key++) if (key !== asked) plant(task, key, row, free(taken, N, random), random);
    row[N - 1] = questions + asked;
    targets[N - 1] = answers + value;
  }
  return batch;
}

interface Planted {
  readonly key: number;
  readonly value: number;
  readonly at: number;
}

function plant(task: Task, key: number, row: Int32Array, at: number, random: Random): Planted {
  const value = random.below(task.values);
  row[at] = vocabulary(task).pairs + key * task.values + value;
  return { key, value, at };
}

/** A place that is not taken, and now is. */
function free(taken: Set<number>, N: number, random: Random): number {
  let at = random.below(N);
  while (taken.has(at)) at = random.below(N);
  taken.add(at);
  return at;
}

function fillRow({ filler }: Task, row: Int32Array, random: Random): void {
  for (let t = 0; t < row.length; t++) row[t] = random.below(filler);
}

function emptyBatch(B: number, N: number): Recall {
  return { tokens: new Int32Array(B * N), targets: new Int32Array(B * N).fill(-1), shape: [B, N] };
}

function rowsOf({ tokens, targets, shape: [, N] }: Recall, b: number): [Int32Array, Int32Array] {
  return [tokens.subarray(b * N, (b + 1) * N), targets.subarray(b * N, (b + 1) * N)];
}

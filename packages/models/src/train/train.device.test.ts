import { AbortedError, ConfigError, type Device, FormatError, LimitError } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeTraining, restoreTraining } from "../checkpoint/checkpoint.ts";
import { createLongNetLM, type LongNetLM } from "../longnet-lm/model.ts";
import { generate } from "../sample/generate.ts";
import { bitsPerByte } from "../text/bits-per-byte.ts";
import { byteBatches } from "../text/token-batches.ts";
import { adamW, type Optimizer, sgd } from "./optimizer.ts";
import { warmupCosine } from "./schedule.ts";
import type { TrainState } from "./state.ts";
import { train } from "./train.ts";

const text = new TextEncoder().encode("the whale the sea the ship the whale the sea the captain ".repeat(12));
const batches = byteBatches(text, { seq: 48, batch: 2, seed: 3 });
const STEPS = 24;

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

const newModel = (layers = 1): LongNetLM =>
  createLongNetLM(
    device,
    {
      dim: 16,
      layers,
      heads: 2,
      dropout: 0.05,
      branches: [
        { segment: 16, dilation: 1 },
        { segment: 48, dilation: 2 },
      ],
    },
    { seed: 1 },
  );
const newOptimizer = (): Optimizer => adamW({ lr: warmupCosine({ peak: 1e-2, warmup: 4, total: STEPS }) });

async function lossesOf(
  model: LongNetLM,
  optimizer: Optimizer,
  steps: number,
  state?: TrainState,
): Promise<{ losses: number[]; state: TrainState | undefined }> {
  const losses: number[] = [];
  let last = state;
  for await (const step of train(model, batches, {
    optimizer,
    steps,
    seed: 9,
    keepState: true,
    ...(state ? { state } : {}),
  })) {
    losses.push(step.loss);
    last = step.state;
  }
  return { losses, state: last };
}

test("learns, the same way each time, and goes on from a checkpoint as if it had never stopped", async () => {
  using whole = newModel();
  const { losses } = await lossesOf(whole, newOptimizer(), STEPS);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) - 1);

  using half = newModel();
  const optimizer = newOptimizer();
  const first = await lossesOf(half, optimizer, STEPS / 2);
  const bytes = await encodeTraining({ model: half, optimizer, state: first.state as TrainState, note: first.losses });

  using resumed = newModel();
  const again = newOptimizer();
  const { state, note } = restoreTraining(bytes, { model: resumed, optimizer: again });
  const second = await lossesOf(resumed, again, STEPS, state);
  expect([...(note as number[]), ...second.losses]).toEqual(losses);

  expect(await bitsPerByte(resumed, text.slice(0, 100), 48)).toBe(await bitsPerByte(whole, text.slice(0, 100), 48));
});

test("stops at a signal, with a typed error", async () => {
  using model = newModel();
  const controller = new AbortController();
  const run = async () => {
    for await (const step of train(model, batches, {
      optimizer: sgd({ lr: 1e-2, momentum: 0.9 }),
      steps: STEPS,
      signal: controller.signal,
    })) {
      if (step.step === 2) controller.abort();
      expect(step.step).toBeLessThanOrEqual(2);
    }
  };
  await expect(run()).rejects.toBeInstanceOf(AbortedError);
});

test("refuses checkpoints of other runs and broken ones", async () => {
  using model = newModel();
  const optimizer = newOptimizer();
  const { state } = await lossesOf(model, optimizer, 1);
  const bytes = await encodeTraining({ model, optimizer, state: state as TrainState });
  using other = newModel(2);
  expect(() => restoreTraining(bytes, { model: other, optimizer: newOptimizer() })).toThrow(ConfigError);
  expect(() => restoreTraining(bytes, { model, optimizer: sgd({ lr: 1 }) })).toThrow(/optimizer/);
  expect(() => restoreTraining(bytes.slice(0, 200), { model, optimizer })).toThrow(FormatError);
});

test("checkpointing lowers the peak that is reported, not the losses", async () => {
  const run = async (checkpointing: boolean) => {
    const branches = [{ segment: 48, dilation: 1 }];
    using deep = createLongNetLM(device, { dim: 16, layers: 4, heads: 2, branches, checkpointing }, { seed: 1 });
    device.resetPeak();
    const before = device.stats().live;
    const reports: { loss: number; peak: number }[] = [];
    for await (const { loss, peakBytes } of train(deep, batches, { optimizer: newOptimizer(), steps: 2 })) {
      reports.push({ loss, peak: peakBytes - before });
    }
    return reports;
  };
  const [plain, recomputed] = [await run(false), await run(true)];
  expect(recomputed.map(({ loss }) => loss)).toEqual(plain.map(({ loss }) => loss));
  expect(recomputed[1]?.peak).toBeLessThan(0.7 * (plain[1]?.peak as number));
});

test("a token outside the vocabulary is named, before it gets anywhere", async () => {
  using model = newModel();
  const bad = () => ({ tokens: [1, 2, 256, 3], shape: [1, 4] as const });
  const steps = train(model, bad, { optimizer: newOptimizer(), steps: 1 });
  const error = await steps.next().catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(LimitError);
  expect((error as LimitError).message).toMatch(/batch: token 256 at position 2/);
});

test("memory does not grow from step to step", async () => {
  using model = newModel();
  const live: number[] = [];
  for await (const _ of train(model, batches, { optimizer: newOptimizer(), steps: 6 })) live.push(device.stats().live);
  expect(new Set(live.slice(1)).size).toBe(1);
});

test("generates tokens of the vocabulary, the same for the same seed", async () => {
  using model = newModel();
  const draw = async (seed: number) => {
    const out: number[] = [];
    for await (const token of generate(model, [116, 104, 101], { count: 8, seed, topK: 20 })) out.push(token);
    return out;
  };
  const [a, b] = [await draw(1), await draw(1)];
  expect(a).toEqual(b);
  expect(a).toHaveLength(8);
  expect(a.every((token) => token >= 0 && token < 256)).toBe(true);
});

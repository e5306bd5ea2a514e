import { type Device, openDevice } from "@dilated/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLongNetLM, type LongNetLM } from "../longnet-lm/model.ts";
import { generate } from "../sample/generate.ts";
import { byteBatches } from "../text/token-batches.ts";
import { sgd } from "./optimizer.ts";
import { train } from "./train.ts";

const WINDOW_MS = 1_000;
/** A busy machine may not paint at all for a while; a page that is blocked never does. */
const WINDOWS = 100;

let device: Device;
let model: LongNetLM;
beforeAll(async () => {
  device = await openDevice({ backend: "wasm" });
  const branches = [{ segment: 256, dilation: 1 }];
  model = createLongNetLM(device, { vocab: 256, dim: 128, layers: 4, heads: 4, branches }, { seed: 1 });
});
afterAll(() => device.dispose());

/** The most frames of any window, up to 30; `work` is asked to go on until then. */
async function framesDuring(work: (goOn: () => boolean) => Promise<number>): Promise<number> {
  const frames: number[] = [];
  const count = (time: number) => {
    frames.push(time);
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
  const began = performance.now();
  let most = 0;
  const rounds = await work(() => {
    for (const begin of frames) most = Math.max(most, frames.filter((t) => t >= begin && t < begin + WINDOW_MS).length);
    return most < 30 && performance.now() - began < WINDOWS * WINDOW_MS;
  });
  expect(rounds).toBeGreaterThan(0);
  return most;
}

test("a page without isolation paints 30 frames a second while it trains and generates", async () => {
  expect(globalThis.crossOriginIsolated).toBe(false);
  expect(device.info.threads).toBe(1);
  const batches = byteBatches(
    new Uint8Array(4000).map((_, i) => (i * i) % 251),
    { seq: 256 },
  );
  const trained = await framesDuring(async (goOn) => {
    let steps = 0;
    for await (const { step } of train(model, batches, { optimizer: sgd({ lr: 1e-3 }), steps: 10_000 })) {
      steps = step;
      if (!goOn()) break;
    }
    return steps;
  });
  expect(trained).toBeGreaterThanOrEqual(30);
  const generated = await framesDuring(async (goOn) => {
    let tokens = 0;
    for await (const _ of generate(model, [1, 2, 3], { count: 100_000 })) {
      tokens += 1;
      if (tokens % 50 === 0 && !goOn()) break;
    }
    return tokens;
  });
  expect(generated).toBeGreaterThanOrEqual(30);
});

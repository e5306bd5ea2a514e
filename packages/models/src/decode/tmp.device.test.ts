import { openTestDevice } from "@dilated-internal/testing";
import { test } from "vitest";
import { createModel } from "../factory.ts";
import { decodeStep, openDecoder, prefill } from "./decoder.ts";
test("speed", async () => {
  for (const threads of [1, 2]) {
  using device = await openTestDevice({ threads } as never);
  const model = createModel(device, { kind: "longnet-lm", preset: "tiny", seed: 1 });
  using decoder = openDecoder(model, 1);
  prefill(decoder, [[1, 2, 3]]).dispose();
  let queue = 0, wait = 0;
  for (let t = 1; t <= 3000; t++) {
    const a = performance.now();
    const logits = decodeStep(decoder, [t % 256]);
    const b = performance.now();
    await logits.data();
    const c = performance.now();
    if (t > 1000) { queue += b - a; wait += c - b; }
    logits.dispose();
  }
  console.log(device.info.backend, "threads", device.info.threads, "queue us", (queue / 2).toFixed(0), "wait us", (wait / 2).toFixed(0));
  }
}, 300_000);

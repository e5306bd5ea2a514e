import { openDevice } from "@dilated/core";
import { createModel, decodeStep, openDecoder, prefill } from "@dilated/models";

const backend = (process.argv[2] ?? "wasm") as "wasm" | "webgpu";
const preset = (process.argv[3] ?? "tiny") as "tiny";
const total = Number(process.argv[4] ?? 12288);
using device = await openDevice({ backend, allowSoftware: true });
const model = createModel(device, { kind: "longnet-lm", preset, seed: 1 });
using decoder = openDecoder(model, Number(process.argv[5] ?? 1), { cacheDtype: (process.argv[6] ?? "f32") as "f32" });
const B = decoder.lengths.length;
prefill(
  decoder,
  Array.from({ length: B }, () => [1, 2, 3]),
).dispose();
console.log(device.info.backend, device.info.adapter, device.info.tier, preset, "B", B);
const step = Math.floor(total / 12);
let last = performance.now();
for (let t = 1; t <= total; t++) {
  const logits = decodeStep(
    decoder,
    Array.from({ length: B }, () => t % 256),
  );
  await logits.data();
  logits.dispose();
  if (t % step === 0) {
    const now = performance.now();
    console.log(t, ((step * 1000) / (now - last)).toFixed(0), "steps/s", device.stats().live);
    last = now;
  }
}

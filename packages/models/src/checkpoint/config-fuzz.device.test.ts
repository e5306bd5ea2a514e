import { type Device, DilatedError, readSafetensors, writeSafetensors } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { fc } from "@fast-check/vitest";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createModel } from "../factory.ts";
import { readModel, writeModel } from "./model.ts";
import { memoryStore } from "./store.ts";

const stack = { dim: 8, layers: 1, heads: 2, branches: [{ segment: 8, dilation: 1 }] };

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

const value = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    0,
    -1,
    0.5,
    1e9,
    1e300,
    2 ** 53,
    null,
    "8",
    [],
    {},
    [{ segment: 1e300, dilation: 1 }],
    [{ segment: 8 }],
    { dim: 8 },
  ),
);

it.each([
  ["longnet-lm", { ...stack, vocab: 5 }],
  ["longnet", { encoder: stack, decoder: { ...stack, vocab: 5 } }],
  ["longnet-vit", { ...stack, tileDim: 4, grid: 3, gridPosition: "learned" }],
] as const)(
  "a %s whose configuration was changed is read or refused, and nothing stays behind",
  async (kind, options) => {
    using model = createModel(device, { kind, ...options } as Parameters<typeof createModel>[1]);
    const store = memoryStore();
    await writeModel(store, model);
    const { tensors } = readSafetensors((await store.read("model.safetensors")) as Uint8Array);
    const config = model.config as unknown as Record<string, unknown>;
    const { live } = device.stats();
    const field = fc.constantFrom(...Object.keys(config), "__proto__", "kind", "encoder", "layers");
    await fc.assert(
      fc.asyncProperty(
        field,
        value,
        fc.constantFrom(undefined, "dim", "layers", "branches"),
        async (name, changed, inner) => {
          const at = config[name];
          const next = inner && typeof at === "object" && !Array.isArray(at) ? { ...at, [inner]: changed } : changed;
          const text = JSON.stringify(Object.fromEntries([...Object.entries(config), [name, next]]));
          const bytes = writeSafetensors(tensors, { format: "dilated-model-1", kind, config: text });
          try {
            (await readModel(device, memoryStore([["model.safetensors", bytes]]))).model.dispose();
          } catch (error) {
            if (!DilatedError.is(error)) throw error;
            expect(["FORMAT", "CONFIG"]).toContain(error.code);
          }
          expect(device.stats().live).toBe(live);
        },
      ),
      { numRuns: 300 },
    );
  },
);

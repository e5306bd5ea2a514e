import { DilatedError } from "@dilated/core";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, vi } from "vitest";
import { readStateDict } from "./read-weights.ts";
import { parseIndex } from "./shard-index.ts";
import { type ModelStore, memoryStore } from "./store.ts";
import { weightsOf } from "./test-utils/weights.ts";
import { writeWeights } from "./write-weights.ts";

const store = memoryStore();
await writeWeights(store, weightsOf(1), { maxShardBytes: 32 });
const files = await Promise.all(
  (await store.list()).map(async (name) => [name, (await store.read(name)) as Uint8Array] as const),
);

async function expectReadOrRefused(source: ModelStore): Promise<void> {
  const names = await source.list();
  const bytes = (await Promise.all(names.map(source.read))).reduce((sum, file) => sum + (file?.length ?? 0), 0);
  const read = vi.fn(source.read);
  try {
    let taken = 0;
    for (const { data } of (await readStateDict({ ...source, read })).values()) taken += data.byteLength;
    expect(taken).toBeLessThanOrEqual(bytes);
  } catch (error) {
    if (!DilatedError.is(error)) throw error;
    expect(error.code).toBe("FORMAT");
  }
  expect(read.mock.calls.length).toBeLessThanOrEqual(names.length + 3);
}

describe("a folder from a stranger is read or refused, never more", () => {
  const flip = fc.tuple(fc.nat(files.length - 1), fc.nat(), fc.nat(7));
  property.prop([fc.array(flip, { minLength: 1, maxLength: 6 })], { numRuns: 2000 })("bits flipped", async (flips) => {
    const damaged = files.map(([name, bytes]) => [name, bytes.slice()] as const);
    for (const [file, at, bit] of flips) {
      const bytes = damaged[file]?.[1] as Uint8Array;
      bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ (1 << bit);
    }
    await expectReadOrRefused(memoryStore(damaged));
  });

  property.prop([fc.nat(files.length - 1), fc.double({ min: 0, max: 1, noNaN: true })], { numRuns: 1000 })(
    "a file cut short",
    async (which, share) => {
      await expectReadOrRefused(
        memoryStore(
          files.map(([name, bytes], i) => [
            name,
            i === which ? bytes.slice(0, Math.floor(share * bytes.length)) : bytes,
          ]),
        ),
      );
    },
  );

  property.prop([fc.nat(files.length - 1), fc.nat(files.length - 1)], { numRuns: 50 })(
    "files exchanged",
    async (a, b) => {
      await expectReadOrRefused(
        memoryStore(
          files.map(([name, bytes], i) => [name, (files[i === a ? b : i === b ? a : i] ?? [name, bytes])[1]]),
        ),
      );
    },
  );

  const map = fc.dictionary(
    fc.string(),
    fc.oneof(fc.constantFrom("model-00001-of-00003.safetensors", "../x", "x.bin"), fc.jsonValue()),
  );
  property.prop(
    [fc.oneof(fc.jsonValue(), fc.record({ weight_map: fc.oneof(map, fc.jsonValue()), metadata: fc.jsonValue() }))],
    { numRuns: 2000 },
  )("a made-up index", (index) => {
    try {
      expect(parseIndex("index", new TextEncoder().encode(JSON.stringify(index))).shards.size).toBeGreaterThan(0);
    } catch (error) {
      if (!DilatedError.is(error)) throw error;
    }
  });
});

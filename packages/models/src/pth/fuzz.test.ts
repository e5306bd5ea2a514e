import { readFileSync } from "node:fs";
import { DilatedError, sizeOf } from "@dilated/core";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { readPth } from "./read.ts";
import { concat, pickle, pth } from "./test-utils/write-pth.ts";

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../test/fixtures/pth/${name}`, import.meta.url)));
const files = ["dtypes.pth", "torch2.pth", "training.pth", "protocol4.pth", "tensor.pt", "script.pt", "legacy.pth"].map(
  fixture,
);
const anyFile = fc.constantFrom(...files);

/** Bytes taken by what a call returned: arrays that are not views of the file. */
function unpacked(bytes: Uint8Array): number {
  const buffers = new Set<ArrayBufferLike>();
  for (const { shape, data } of readPth(bytes).tensors.values()) {
    expect(data.length).toBe(sizeOf(shape));
    if (data.buffer !== bytes.buffer) buffers.add(data.buffer);
  }
  return [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0);
}

/** Read within memory bounds, or refused by an error of ours. The reader counts its own steps, which `hostile.test.ts` holds it to. */
function expectReadOrRefused(bytes: Uint8Array): void {
  try {
    expect(unpacked(bytes)).toBeLessThanOrEqual(4 * bytes.length);
  } catch (error) {
    if (!DilatedError.is(error)) throw error;
    expect(["FORMAT", "LIMIT"]).toContain(error.code);
  }
}

describe("a file from a stranger is read or refused, never more", () => {
  property.prop([fc.uint8Array({ maxLength: 400 }), fc.boolean()], { numRuns: 3000 })(
    "bytes without sense",
    (bytes, zipped) => {
      expectReadOrRefused(zipped ? concat([Uint8Array.of(0x50, 0x4b, 3, 4), bytes]) : bytes);
    },
  );

  property.prop([anyFile, fc.double({ min: 0, max: 1, noNaN: true })], { numRuns: 1500 })(
    "cut short",
    (file, share) => {
      expectReadOrRefused(file.subarray(0, Math.floor(share * file.length)));
    },
  );

  property.prop([anyFile, fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 8 })], { numRuns: 4000 })(
    "bits flipped",
    (file, flips) => {
      const bytes = file.slice();
      for (const [at, bit] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ (1 << bit);
      expectReadOrRefused(bytes);
    },
  );

  property.prop([anyFile, fc.nat(), fc.uint8Array({ maxLength: 40 }), fc.nat(40)], { numRuns: 2000 })(
    "a piece replaced",
    (file, at, piece, dropped) => {
      const begin = at % file.length;
      expectReadOrRefused(
        concat([file.subarray(0, begin), piece, file.subarray(Math.min(file.length, begin + dropped))]),
      );
    },
  );

  // Instructions in any order, with the names that are allowed: deeper than flipped bits get.
  const instruction = fc.oneof(
    fc.constantFrom(..."(01NtRb}]asue)Q.2"),
    fc.constantFrom(0x81, 0x85, 0x86, 0x87, 0x88, 0x8f, 0x90, 0x91, 0x93, 0x94),
    fc.constantFrom(
      "ctorch\nFloatStorage\n",
      "ctorch._utils\n_rebuild_tensor_v2\n",
      "ccollections\nOrderedDict\n",
      "cnumpy\ndtype\n",
      "ctorch\nSize\n",
      "c_codecs\nencode\n",
    ),
    fc.constantFrom("U\x07storage", "U\x010", "U\x02f8", "U\x06latin1", "K\x04", "h\x00", "q\x00", "J\xff\xff\xff"),
    fc.nat(255),
  );
  property.prop([fc.array(instruction, { maxLength: 60 })], { numRuns: 6000 })("instructions in any order", (parts) => {
    expectReadOrRefused(pth(pickle(...parts), { 0: new Uint8Array(16) }));
  });
});

import { ConfigError, FormatError, readSafetensors, writeSafetensors } from "@dilated/core";
import { expect, it } from "vitest";
import { capture } from "../expression/capture.ts";
import { programOf } from "../expression/program.ts";
import type { BlockMask } from "./block-mask.ts";
import { blockMask } from "./build.ts";
import { andMasks, notMask } from "./combine.ts";
import { maskFromBlocks } from "./from-blocks.ts";
import { loadMask, saveMask } from "./save.ts";
import { maskToArray } from "./to-lists.ts";

const sizes = { N: 100, M: 90, H: 2, blockSize: 32 } as const;
const slopes = capture([0.5, 2]);
const global = capture(
  Array.from({ length: 100 }, (_, i) => i % 17 === 0),
  { type: "bool" },
);
const alternate = blockMask(
  ({ q, k, h }) => q.sub(k).abs().toF32().mul(slopes.at(h)).lt(10.25).or(global.at(q)).and(k.toU32().lt(3e9)),
  sizes,
);
const listed = maskFromBlocks([[0], [1], [0, 2], []], { ...sizes, H: 1 });
const masks = { alternate, listed, joined: andMasks(listed, ({ q, k }) => q.ge(k)), negated: notMask(alternate) };

it.each(Object.entries(masks))("a mask comes back: %s", (_, mask) => {
  const bytes = saveMask(mask);
  const loaded = loadMask(bytes);
  expect({ ...loaded, keep: undefined }).toEqual({ ...mask, keep: undefined });
  expect(loaded.keep && programOf(loaded.keep).key).toBe(mask.keep && programOf(mask.keep).key);
  expect(maskToArray(loaded)).toEqual(maskToArray(mask));
  expect(saveMask(loaded)).toEqual(bytes);
  // Outside of the lists as well.
  expect(maskToArray(notMask(loaded))).toEqual(maskToArray(notMask(mask)));
});

it("damaged files are told", () => {
  const { tensors, metadata } = readSafetensors(saveMask(alternate));
  const header = JSON.parse(metadata.mask as string);
  const write = (change: object, changed: Readonly<Record<string, unknown>> = {}): Uint8Array => {
    const all = [...tensors].map(([name, { stored, shape, bytes }]) => [name, { stored, shape, bytes }] as const);
    const kept = all.filter(([name]) => changed[name] !== null);
    return writeSafetensors(kept as never, { ...metadata, mask: JSON.stringify({ ...header, ...change }) });
  };
  expect(loadMask(write({})).density).toBe(alternate.density);
  const wrong: readonly [Uint8Array, RegExp][] = [
    [new Uint8Array(3), /./],
    [writeSafetensors({}), /no mask/],
    [write({ sizes: { ...header.sizes, N: 33 } }), /list for each block of queries/],
    [write({ sizes: { ...header.sizes, blockSize: 16 } }), /sizes are wrong/],
    [write({ sizes: { ...header.sizes, M: 32 } }), /out of range|B 1 x H/],
    [write({ keep: undefined }), /no list of steps/],
    [write({ keep: [["variable", "q"]] }), /no truth value/],
    [write({ keep: [["variable", "score"]] }), /unknown: variable/],
    [write({ keep: [["add", 0, 1]] }), /there is no step 0/],
    [write({ keep: [["constructor"]] }), /unknown: constructor/],
    [write({ keep: [["constant", "f32", "x"]] }), /damaged/],
    [write({ captures: ["f32", "f64"] }), /lacks capture.1/],
    [write({}, { "capture.0": null }), /lacks capture.0/],
    [write({}, { partial: null }), /lacks partial/],
  ];
  for (const [bytes, message] of wrong) {
    expect(() => loadMask(bytes)).toThrow(FormatError);
    expect(() => loadMask(bytes)).toThrow(message);
  }
  expect(() => saveMask({ ...alternate } as BlockMask)).toThrow(ConfigError);
});

import { ConfigError, type Device } from "@dilated/core";
import { expect, expectTypeOf, it } from "vitest";
import { TYPICAL_GPU, virtualDevice } from "./estimate/virtual-device.ts";
import { createModel } from "./factory.ts";
import type { LongNetEncoder } from "./longnet/encoder.ts";
import type { LongNetLM } from "./longnet-lm/model.ts";
import type { LongNetViT } from "./longnet-vit/model.ts";
import { PRESETS } from "./presets.ts";
import type { ModelKind } from "./registry.ts";

// No weights are made: published sizes would not fit a test.
const device: Device = virtualDevice(TYPICAL_GPU);

it("the class follows from the kind, for the compiler too", () => {
  const lm = createModel(device, { kind: "longnet-lm", preset: "tiny" });
  const encoder = createModel(device, { kind: "longnet-encoder", preset: "LongNet_test", dropout: 0.5 });
  const vit = createModel(device, { kind: "longnet-vit", preset: "gigapath_slide_enc12l768d" });
  expectTypeOf(lm).toEqualTypeOf<LongNetLM>();
  expectTypeOf(encoder).toEqualTypeOf<LongNetEncoder>();
  expectTypeOf(vit).toEqualTypeOf<LongNetViT>();
  expect([lm.kind, encoder.kind, vit.kind]).toEqual(["longnet-lm", "longnet-encoder", "longnet-vit"]);
  expect(encoder.config).toMatchObject({ dropout: 0.5, hidden: 192, heads: 8, headOffset: "block" });
});

const named = Object.entries(PRESETS).flatMap(([kind, presets]) =>
  Object.keys(presets).map((preset) => [kind, preset]),
);

it.each(named)("%s %s is valid, plain JSON", (kind, preset) => {
  const model = createModel(device, { kind, preset } as { kind: "longnet-lm"; preset: "tiny" });
  expect(JSON.parse(JSON.stringify(model.config))).toEqual(model.config);
  expect(model.kind).toBe(kind as ModelKind);
});

it("published sizes come out as published", () => {
  const count = (tree: unknown): number =>
    tree && typeof tree === "object" && "size" in tree
      ? Number(tree.size)
      : Object.values(tree ?? {}).reduce((sum: number, child) => sum + count(child), 0);
  const slide = createModel(device, { kind: "longnet-vit", preset: "gigapath_slide_enc12l768d" });
  const [E, F, C] = [768, 3072, 1536];
  const projections = 4 * (E * E + E) + (E * F + F) + (F * E + E);
  const norms = 2 * 2 * E + 2 * E + 2 * F; // in front of both halves, and sub-LN's inside each
  const patchAndClass = C * E + E + E;
  expect(count(slide.parameters)).toBe(12 * (projections + norms) + patchAndClass + 2 * 2 * E);
});

it("lists the known kinds and presets", () => {
  expect(() => createModel(device, { kind: "longnet-lm", preset: "big" } as never)).toThrow(ConfigError);
  expect(() => createModel(device, { kind: "longnet-lm", preset: "toString" } as never)).toThrow(/known: tiny, small/);
  expect(() => createModel(device, { kind: "constructor" } as never)).toThrow(/known: longnet-lm/);
});

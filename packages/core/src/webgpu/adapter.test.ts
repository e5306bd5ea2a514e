import { describe, expect, test } from "vitest";
import { isSoftware, tierOf } from "./adapter.ts";

describe("isSoftware", () => {
  test.each([
    [{ vendor: "google", architecture: "swiftshader" }, true],
    [{ vendor: "mesa", description: "llvmpipe (LLVM 15)" }, true],
    [{ vendor: "microsoft", description: "Microsoft Basic Render Driver" }, true],
    [{ vendor: "unknown", isFallbackAdapter: true }, true],
    [{ vendor: "nvidia", architecture: "hopper", description: "NVIDIA H100" }, false],
    [{ vendor: "apple", architecture: "metal-3" }, false],
    [undefined, false],
  ])("%o: %s", (info, expected) => {
    expect(isSoftware(info as Partial<GPUAdapterInfo> | undefined)).toBe(expected);
  });
});

describe("tierOf", () => {
  const all = new Set(["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"]);
  test.each([
    [all, "matrix", "matrix"],
    [all, "subgroup", "subgroup"],
    [all, "baseline", "baseline"],
    [new Set(["subgroups"]), "matrix", "subgroup"],
    [new Set(["chromium-experimental-subgroup-matrix"]), "matrix", "baseline"],
    [new Set<string>(), "subgroup", "baseline"],
  ] as const)("of %o at most %s: %s", (features, highest, expected) => {
    expect(tierOf(features as unknown as GPUSupportedFeatures, highest)).toBe(expected);
  });
});

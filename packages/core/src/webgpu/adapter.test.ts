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
  const smallest = { maxComputeWorkgroupStorageSize: 16_384, maxComputeInvocationsPerWorkgroup: 256 };
  const memory = { ...smallest, maxComputeWorkgroupStorageSize: 32_768 };
  const threads = { ...smallest, maxComputeInvocationsPerWorkgroup: 1_024 };
  const matrix = ["shader-f16", "chromium-experimental-subgroup-matrix"];
  test.each([
    [matrix, memory, "matrix", "matrix"],
    [matrix, memory, "vector", "vector"],
    [matrix, memory, "baseline", "baseline"],
    [[], threads, "matrix", "vector"],
    [["subgroups"], smallest, "vector", "baseline"],
    [matrix.slice(1), smallest, "matrix", "baseline"],
  ] as const)("of %o within %o at most %s: %s", (features, limits, highest, expected) => {
    const device = { features: new Set<string>(features), limits } as unknown as GPUDevice;
    expect(tierOf(device, highest)).toBe(expected);
  });
});

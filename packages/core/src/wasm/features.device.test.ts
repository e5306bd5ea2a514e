import { describe, expect, it } from "vitest";
import { openDevice } from "../device/open.ts";
import { FeatureError } from "../errors/index.ts";
import { chooseSimd } from "./features.ts";
import { hasWasm } from "./test-utils/module.ts";

describe.runIf(hasWasm)("the WebAssembly build", () => {
  it("is relaxed SIMD where the engine has it", () => {
    // f32x4.relaxed_madd, the instruction that the relaxed build is there for.
    const relaxedMadd = [
      ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0],
      ...[65, 1, 253, 17, 65, 2, 253, 17, 65, 3, 253, 17, 253, 133, 2, 11],
    ];
    const has = WebAssembly.validate(new Uint8Array(relaxedMadd));
    expect(chooseSimd("auto")).toBe(has ? "relaxed-simd" : "simd");
    if (has) expect(chooseSimd("relaxed-simd")).toBe("relaxed-simd");
    else expect(() => chooseSimd("relaxed-simd")).toThrow(FeatureError);
    // WebKit has it behind a flag.
    if (globalThis.navigator?.userAgent.includes("Chrome")) expect(has).toBe(true);
  });

  it("can be forced", async () => {
    using device = await openDevice({ backend: "wasm", simd: "simd", threads: 1 });
    expect(device.info.tier).toBe("simd");
    expect(await device.full([3], 2).data()).toEqual(new Float32Array([2, 2, 2]));
  });
});

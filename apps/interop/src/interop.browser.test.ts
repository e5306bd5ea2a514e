import type {} from "@dilated-internal/testing"; // types `inject`
import { expect, inject, test } from "vitest";
import { compare } from "./demo.ts";

// ONNX Runtime's WebGPU needs a GPUDevice: the project's other instance has none.
test.runIf(inject("backend") === "webgpu")(
  "embeddings go from ONNX Runtime into our encoder without a copy",
  async () => {
    const [width, height] = [160, 96];
    const data = Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => (i * 37 + (i >> 5) * 11) % 256);
    const { tiles, sameBuffer, shared, throughHost, firstTile } = await compare({ data, width, height }, 1);
    expect(tiles).toBe(60);
    expect(sameBuffer).toBe(true);
    expect(shared).toHaveLength(64);
    expect(Math.max(...shared.map(Math.abs))).toBeGreaterThan(0.5);
    expect(shared).toEqual(throughHost);
    const gaps = firstTile.expected.map((value, i) => Math.abs(value - (firstTile.onnx[i] ?? Number.NaN)));
    expect(Math.max(...gaps)).toBeLessThan(1e-4);
  },
);

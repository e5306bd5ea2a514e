import { expect, test } from "vitest";
import { parseGpuStatus } from "./nvidia-smi.ts";

test("the first card", () => {
  expect(
    parseGpuStatus("NVIDIA H100 80GB HBM3, 580.159.04, 3, 81559\nNVIDIA H100 80GB HBM3, 580.159.04, 9, 81559\n"),
  ).toEqual({
    name: "NVIDIA H100 80GB HBM3",
    driver: "580.159.04",
    usedBytes: 3 * 2 ** 20,
    totalBytes: 81_559 * 2 ** 20,
  });
  expect(parseGpuStatus("No devices were found\n")).toBeUndefined();
});

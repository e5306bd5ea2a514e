import { ConfigError } from "@dilated/core";
import { expect, it } from "vitest";
import { blockMask } from "../mask/build.ts";
import { maskFromBlocks } from "../mask/from-blocks.ts";
import { causal, causalWindow } from "../patterns/windows.ts";
import { maskSVG, maskText } from "./draw.ts";
import { maskReach, maskReport } from "./report.ts";

const window = blockMask(causalWindow(97), { N: 200, blockSize: 32 });

it("a mask as text", () => {
  expect(maskText(window)).toBe(
    [
      "200 queries, 200 keys, blocks of 32, density 44.9 %",
      ...["▒······", "█▒·····", "██▒····", "▒██▒···", "·▒██▒··", "··▒██▒·", "···▒██▒"],
    ].join("\n"),
  );
  const long = maskText(blockMask(causal, { N: 128 * 1000 })).split("\n");
  expect(long).toHaveLength(1 + 63); // 16 blocks a character
  expect(long[40]).toBe(`${"█".repeat(39)}▒${"·".repeat(23)}`);
});

it("a mask as a picture has each block once, where it is", () => {
  const svg = maskSVG(window);
  expect(svg).toContain("<title>200 queries");
  const boxes = [...svg.matchAll(/M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)/g)].map((match) => match.slice(1).map(Number));
  const area = (paths: number[][]) => paths.reduce((sum, [, , width = 0, height = 0]) => sum + width * height, 0);
  const full = boxes.filter(([, , , height]) => height === 16);
  expect(area(full)).toBe(maskReport(window).full * 256);
  expect(boxes.length - full.length).toBe(maskReport(window).partial);
  expect(full[0]).toEqual([0, 16, 16, 16]);
  expect(() => maskSVG(window, { h: 3 })).not.toThrow(); // the same for all heads
  const heads = maskFromBlocks([[0], []], { N: 32, H: 2, blockSize: 32 });
  expect(maskText(heads, { h: 1 }).split("\n")[1]).toBe("·");
  expect(() => maskText(heads, { h: 2 })).toThrow(ConfigError);
});

it("a report has the figures of the lists", () => {
  expect(maskReport(window)).toEqual({
    ...{ density: 22 / 49, full: 11, partial: 11, emptyRows: 0, imbalance: (4 * 7) / 22, bytes: window.bytes },
    distance: (32 * (6 * 1 + 5 * 2 + 4 * 3)) / 22,
  });
});

it("what is heard of grows by a window a layer", () => {
  // Row i hears of the rows i - 3·layers to i.
  const share = (layers: number) =>
    Array.from({ length: 7 }, (_, i) => Math.min(i, 3 * layers) + 1).reduce((a, b) => a + b) / 49;
  const expected = [1, 2, 3].map(share);
  expect(maskReach(window, { layers: 3 })).toEqual(expected);
  expect(() => maskReach(blockMask(causal, { N: 64, M: 32 }), { layers: 1 })).toThrow(/N: 64, M: 32/);
});

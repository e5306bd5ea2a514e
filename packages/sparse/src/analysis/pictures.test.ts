import { expect, it } from "vitest";
import { blockMask, type MaskFunction } from "../mask/build.ts";
import { andMasks } from "../mask/combine.ts";
import { documents, prefixLM } from "../patterns/documents.ts";
import { bigBird, randomBlocks } from "../patterns/random.ts";
import { dilatedBlocks, fixedPattern, hierarchical, longNetBlocks, strided } from "../patterns/strides.ts";
import { causal, causalWindow, longformer, sinkWindow, slidingWindow } from "../patterns/windows.ts";
import { maskSVG } from "./draw.ts";

const sizes = { N: 1024, H: 4, blockSize: 32 } as const;
const branches = [128, 512, 1024].map((segment, i) => ({ segment, dilation: 2 ** i }));

const PICTURES: Readonly<Record<string, MaskFunction>> = {
  causal,
  "sliding-window": slidingWindow({ left: 128 }),
  "causal-window": causalWindow(256),
  longformer: longformer({ window: 256, global: 32 }),
  "sink-window": sinkWindow({ window: 256, sinks: 4 }),
  "prefix-lm": prefixLM(320),
  documents: andMasks(causal, documents({ lengths: [300, 52, 160, 512] })),
  strided: strided(128),
  "fixed-pattern": fixedPattern({ stride: 128, summary: 32 }),
  "dilated-blocks": dilatedBlocks({ block: 32, dilation: 4, count: 3 }),
  hierarchical: hierarchical({ stretch: 32, fanout: 4, levels: 3 }),
  "longnet-blocks": longNetBlocks({ branches, block: 32 }),
  "big-bird": bigBird({ N: 1024, block: 32, seed: 1 }),
};

// `--update` draws them anew.
it.each(Object.entries(PICTURES))("docs/sparse/%s.svg", async (name, pattern) => {
  await expect(maskSVG(blockMask(pattern, sizes))).toMatchFileSnapshot(`../../../../docs/sparse/${name}.svg`);
});

it("docs/sparse/random-blocks.svg", async () => {
  const mask = randomBlocks({ N: 1024, blockSize: 32, density: 0.2, causal: true, seed: 1 });
  await expect(maskSVG(mask)).toMatchFileSnapshot("../../../../docs/sparse/random-blocks.svg");
});

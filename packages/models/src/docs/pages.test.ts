import { readFileSync } from "node:fs";
import { type Device, openDevice } from "@dilated/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createModel, type ModelOptions } from "../factory.ts";
import type { Model } from "../registry.ts";
import { flow } from "./test-utils/flow.ts";
import { DOCS, readPage, shapeAt } from "./test-utils/page.ts";
import { matrices, sightOf, weightsOf } from "./test-utils/pattern.ts";
import { traceOps } from "./test-utils/trace.ts";

// What the pages in docs/models say is run here, and their pictures are drawn from it. After a change:
//   npx vitest run --project unit packages/models/src/docs --update

let device: Device;
beforeAll(async () => {
  device = await openDevice({ backend: "wasm" });
});
afterAll(() => device?.dispose());

/** The op behind each step; what is not here only changes values, and kernels may do it together with the step before. */
const OPS: Readonly<Record<string, string>> = {
  embedding: "embedding",
  layerNorm: "norm",
  linear: "matmul",
  reshape: "reshape",
  xpos: "rotatePositions",
  rope: "rotatePositions",
  dilatedAttention: "attention",
  swiglu: "glu",
  prependToken: "prependToken",
  padTokens: "moveTokens",
  sliceTokens: "moveTokens",
  mean: "sum",
  linearCrossEntropy: "linearCrossEntropy",
};
const ELEMENTWISE = ["add", "gelu", "scale"];
const traced = new Set(Object.values(OPS));

/** The work that each page's table describes. */
function run(model: Model, { B = 1, N = 1, M = 1, L = 1, C = 1, E = 1 }: Readonly<Record<string, number>>): unknown {
  const tokens = (length: number) => device.zeros([B, length], { dtype: "i32" });
  switch (model.kind) {
    case "longnet":
      return model.forward(tokens(M), tokens(N));
    case "longnet-encoder":
      return model.forward(device.zeros([B, N, E]));
    case "longnet-vit":
      return model.forward({ tiles: device.zeros([B, L, C]), coordinates: new Float32Array(2 * B * L) });
    default:
      return model.loss(tokens(N + 1));
  }
}

describe.each(["longnet-lm", "longnet-decoder", "longnet-encoder", "longnet", "longnet-vit"])("%s", (name) => {
  const page = readPage(name);

  it("runs the steps of the page's table, at its shapes", () => {
    using model: Model = createModel(device, page.options as ModelOptions<"longnet-lm">);
    expect(model.kind).toBe(name);
    const ran = traceOps(device, () => run(model, page.sizes)).filter(({ op }) => traced.has(op));
    const told = page.rows.flatMap(({ step, here }) => (step && OPS[step] ? [{ op: OPS[step], shape: here }] : []));
    expect(told).toEqual(ran);
    expect(told.length).toBeGreaterThan(15);
  });

  const rows = page.rows.map((row, i) => ({ ...row, before: page.rows[i - 1]?.here }));
  it.each(rows)("$value by $step: $shape is $here", ({ step, what, shape, here, before }) => {
    expect(shapeAt(shape, page.sizes)).toEqual(here);
    if (step === undefined) expect(what).toMatch(/given/);
    else if (!OPS[step]) {
      expect(ELEMENTWISE).toContain(step);
      expect(before).toEqual(here);
    }
  });

  it("has a picture of these steps", async () => {
    const picture = flow(`${name}, step by step`, page.rows);
    expect(picture.length).toBeLessThan(40_000);
    await expect(picture).toMatchFileSnapshot(new URL(`images/models/${name}.svg`, DOCS).pathname);
    expect(readFileSync(new URL(`models/${name}.md`, DOCS), "utf8")).toContain(`](../images/models/${name}.svg)`);
  });
});

describe("attention", () => {
  const [N, H] = [32, 4];
  const branches = [
    { segment: 8, dilation: 1 },
    { segment: 16, dilation: 2 },
    { segment: 32, dilation: 4 },
  ];
  const picture = async (causal: boolean) => {
    const of = (chosen: typeof branches) => weightsOf(device, { N, H, branches: chosen, causal });
    return { branches, alone: await Promise.all(branches.map((branch) => of([branch]))), joint: await of(branches) };
  };

  it("is one softmax over the keys of all branches, each as often as branches hold it", async () => {
    const { alone, joint } = await picture(true);
    joint.forEach((head, h) => {
      head.forEach((row, t) => {
        const times = row.map((_, u) => alone.filter((one) => (one[h]?.[t]?.[u] ?? 0) > 0).length);
        const all = times.reduce((sum, count) => sum + count, 0);
        row.forEach((weight, u) => {
          expect(weight).toBeCloseTo((times[u] ?? 0) / all, 6);
        });
      });
    });
  });

  it("has pictures drawn from the kernel", async () => {
    const drawn = {
      "attention-keys": matrices(await picture(false)),
      "attention-token": sightOf(21, await picture(true)),
    };
    const page = readFileSync(new URL("models/attention.md", DOCS), "utf8");
    for (const [name, image] of Object.entries(drawn)) {
      expect(image.length).toBeLessThan(40_000);
      await expect(image).toMatchFileSnapshot(new URL(`images/models/${name}.svg`, DOCS).pathname);
      expect(page).toContain(`](../images/models/${name}.svg)`);
    }
  });
});

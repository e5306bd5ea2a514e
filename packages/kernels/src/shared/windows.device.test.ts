import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, test } from "vitest";
import { curveCase } from "../activation/activation.cases.ts";
import { dropoutCase } from "../dropout/dropout.cases.ts";
import { binaryCase } from "../elementwise/elementwise.cases.ts";
import { gatherCase, indicesBelow } from "../gather/gather.cases.ts";
import { gluCase } from "../glu/glu.cases.ts";
import { matmulCase } from "../matmul/matmul.cases.ts";
import { normCase } from "../norm/norm.cases.ts";
import { ropeCase, xposCase } from "../position/position.cases.ts";
import { reduceCase } from "../reduce/reduce.cases.ts";
import { concatCase, permuteCase, sliceCase } from "../shape/shape.cases.ts";
import { softmaxCase } from "../softmax/softmax.cases.ts";
import { topKCase } from "../top-k/top-k.cases.ts";
import { whereCase } from "../where/where.cases.ts";
import { checkOp, type OpCase } from "./test-utils/op-case.ts";

/** Every op with a tensor half as long again as a binding of so many floats, in the shapes that are cut in ways of their own. */
function casesOf(floats: number): readonly OpCase[] {
  const long = Math.ceil(floats * 1.5) + 3;
  const by = (width: number): number => Math.ceil(long / width);
  return [
    curveCase("gelu", [long]),
    binaryCase("add", [long], [long]),
    binaryCase("sub", [by(64), 64], [64]),
    binaryCase("mul", [by(15), 15], [15]),
    binaryCase("div", [by(15), 15], [15]),
    sliceCase([by(15), 15], 1, 2, 13),
    sliceCase([long], 0, 5, long - 2),
    permuteCase([by(24), 24], [1, 0]),
    topKCase([by(8), 8], 3),
    topKCase([by(24), 2, 12], 2, 1),
    gatherCase([by(9), 9], indicesBelow(by(9), 40), [40]),
    gatherCase([30, 9], indicesBelow(30, by(9)), [by(9)]),
    permuteCase([by(96), 3, 32], [1, 0, 2]),
    concatCase(
      [
        [by(15), 15],
        [by(15), 9],
      ],
      1,
    ),
    whereCase([15], [by(15), 15], [by(15), 15]),
    gluCase("silu", [by(77), 77]),
    dropoutCase([long], { p: 0.4, seed: 9 }),
    normCase({ norm: "layer", weight: true, bias: true }, [by(8), 8]),
    normCase({ norm: "rms", weight: true, bias: false }, [by(7), 7], 1e-2),
    softmaxCase([by(64), 64]),
    softmaxCase([by(7), 7]),
    reduceCase("sum", [long]),
    reduceCase("mean", [by(12), 12], 0),
    reduceCase("sum", [by(12), 12], 1),
    reduceCase("max", [long]),
    reduceCase("max", [by(12), 12], 0),
    ropeCase([1, by(32), 2, 16], 3, false),
    xposCase([2, by(64), 2, 16], 5, true),
    ...matmulCasesOf(floats),
  ];
}

/** A long A, B or C, cut by rows, columns or steps of K; alpha makes what rounding leaves of long sums small. */
function matmulCasesOf(floats: number): OpCase[] {
  const long = Math.ceil((floats * 1.5) / 64 / 128) * 128;
  const sizes = [
    { m: 16, n: 16, k: Math.ceil((floats * 1.2) / 16 / 128) * 128 },
    { m: 12, n: 64, k: long },
    { m: 16, n: long, k: 64 },
    { m: long, n: 64, k: 24 },
  ];
  const kinds = [{}, { transposeA: true }, { transposeB: true }];
  return kinds.flatMap((kind) =>
    sizes.map((size) => matmulCase({ leading: [], ...size, ...kind, bias: true, alpha: 1 / Math.sqrt(size.k) / 4 })),
  );
}

describe.each([65_536, 262_144])("tensors longer than one binding of %i bytes", (maxBindingBytes) => {
  let device: Awaited<ReturnType<typeof openTestDevice>>;
  beforeAll(async () => {
    device = await openTestDevice({ maxBindingBytes });
  });
  afterAll(() => device.dispose());

  // What f16 does differently, it does at either limit.
  const dtypes = maxBindingBytes < 100_000 ? (["f32", "f16"] as const) : (["f32"] as const);
  describe.each(dtypes)("%s", (dtype) => {
    const cases = casesOf(maxBindingBytes / 4);
    // Of the longer windows, one case for each way of cutting.
    const few = maxBindingBytes < 100_000 ? cases : cases.filter((_, i) => i % 3 === 0);
    test.each(few)("$name", (one) => checkOp(device, one, dtype));
  });
});

/** What windows at aligned places would not do, at a binding of 4,096 floats. */
const UNALIGNED: readonly OpCase[] = [
  softmaxCase([40, 801]),
  softmaxCase([3, 4501]),
  normCase({ norm: "layer", weight: true, bias: true }, [12, 1003]),
  reduceCase("sum", [3, 61, 131], 1),
  reduceCase("mean", [2, 3, 4500], 1),
  reduceCase("max", [3, 61, 131], 1),
  reduceCase("max", [4500, 3], 1),
  reduceCase("sum", [13_001, 3], 1),
  binaryCase("add", [3, 4501], [4501]),
  binaryCase("mul", [3, 2, 2251], [2, 2251]),
  whereCase([2, 4501], [4501], [3, 2, 4501]),
  gatherCase([30, 801], indicesBelow(30, 20), [20]),
  topKCase([20, 2003], 3),
  topKCase([3, 61, 83], 2, 1),
];

/** Rows longer than a binding, and operands of which only columns could be cut. */
function wideProducts(): OpCase[] {
  const kinds = [{}, { transposeA: true }, { transposeB: true }, { transposeA: true, transposeB: true }];
  const sizes = [
    { m: 90, n: 70, k: 128 },
    { m: 3, n: 4500, k: 5 },
    { m: 4500, n: 3, k: 5 },
    { m: 3, n: 5, k: 4500 },
  ];
  return kinds.flatMap((kind) =>
    sizes.map((size) => matmulCase({ leading: [], ...size, ...kind, bias: true, alpha: 1 / Math.sqrt(size.k) / 4 })),
  );
}

describe("tensors longer than one binding, in ways of their own", () => {
  let device: Awaited<ReturnType<typeof openTestDevice>>;
  beforeAll(async () => {
    device = await openTestDevice({ maxBindingBytes: 16_384 });
  });
  afterAll(() => device.dispose());

  const batched = { leading: [3], m: 70, n: 72, k: 12, bias: true, alpha: 1 / 12 };
  test.each([...UNALIGNED, ...wideProducts(), matmulCase(batched)])("$name", (one) => checkOp(device, one, "f32"));
  test.each([
    UNALIGNED[1],
    UNALIGNED[2],
    UNALIGNED[4],
    UNALIGNED[8],
    wideProducts()[12],
    wideProducts()[15],
  ] as OpCase[])("$name, f16", (one) => checkOp(device, one, "f16"));
});

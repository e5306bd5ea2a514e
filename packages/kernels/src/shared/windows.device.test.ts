import { DilatedError } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { curveCase } from "../activation/activation.cases.ts";
import { dropoutCase } from "../dropout/dropout.cases.ts";
import { binaryCase } from "../elementwise/elementwise.cases.ts";
import { gluCase } from "../glu/glu.cases.ts";
import { normCase } from "../norm/norm.cases.ts";
import { reduceCase } from "../reduce/reduce.cases.ts";
import { softmaxCase } from "../softmax/softmax.cases.ts";
import { softmax } from "../softmax/softmax.ts";
import { checkOp, type OpCase } from "./test-utils/op-case.ts";

/** Every op on tensors of several bindings: what happens to tensors of gigabytes, at 16 KiB. */
const cases: readonly OpCase[] = [
  curveCase("gelu", [20_003]),
  binaryCase("add", [9001], [9001]),
  binaryCase("sub", [397, 64], [64]),
  binaryCase("mul", [1200, 15], [15]),
  gluCase("silu", [141, 77]),
  dropoutCase([9999], { p: 0.4, seed: 9 }),
  normCase({ norm: "layer", weight: true, bias: true }, [1300, 8]),
  normCase({ norm: "rms", weight: true, bias: false }, [1300, 7], 1e-2),
  softmaxCase([170, 64]),
  softmaxCase([1300, 7]),
  reduceCase("sum", [20_003]),
  reduceCase("mean", [2000, 12], 0),
  reduceCase("sum", [2000, 12], 1),
  reduceCase("max", [20_003]),
  reduceCase("max", [2000, 12], 0),
];

describe("tensors longer than one binding", () => {
  let device: Awaited<ReturnType<typeof openTestDevice>>;
  beforeAll(async () => {
    device = await openTestDevice({ maxBindingBytes: 16_384 });
  });
  afterAll(() => device.dispose());

  describe.each(["f32", "f16"] as const)("%s", (dtype) => {
    test.each(cases)("$name", (one) => checkOp(device, one, dtype));
  });

  test("rows that cannot be cut at aligned places are refused, with what would fit", () => {
    using x = device.zeros([40, 801]);
    let error: unknown;
    try {
      softmax(x);
    } catch (thrown) {
      error = thrown;
    }
    expect(DilatedError.is(error) && error.code).toBe("LIMIT");
    expect(String(error)).toMatch(/softmax: rows of 801 elements.*5 rows fit/s);
  });
});

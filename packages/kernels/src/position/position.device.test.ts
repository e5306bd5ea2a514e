import { openTestDevice } from "@dilated-internal/testing";
import { expect, test } from "vitest";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { normal } from "../shared/test-utils/op-case.ts";
import { anyPosition, positionCases } from "./position.cases.ts";
import { rope } from "./rope.ts";
import { sinusoidPositions } from "./sinusoid.ts";
import { type XposOptions, xpos } from "./xpos.ts";

describeOp(
  "positions",
  positionCases,
  anyPosition,
  [
    {
      name: "three axes",
      call: (d) => rope(d.zeros([2, 4, 8])),
      code: "SHAPE",
      message: /rope: x must be \[B, N, H, D\]/,
    },
    { name: "D = 6", call: (d) => xpos(d.zeros([1, 2, 1, 6])), code: "SHAPE", message: /multiple of 4/ },
    {
      name: "positions of another length",
      call: (d) => rope(d.zeros([1, 4, 1, 8]), { positions: d.zeros([3], { dtype: "i32" }) }),
      code: "SHAPE",
      message: /\[N\] or \[B, N\]/,
    },
    {
      name: "float positions",
      call: (d) => rope(d.zeros([1, 4, 1, 8]), { positions: d.zeros([4]) }),
      code: "DTYPE",
      message: /must be i32/,
    },
    {
      name: "positions past 2^24",
      call: (d) => rope(d.zeros([1, 4, 1, 8]), { positions: 2 ** 24 - 2 }),
      code: "CONFIG",
      message: /16777216/,
    },
    {
      name: "xPos that overflows",
      call: (d) => xpos(d.zeros([1, 8192, 1, 4], { dtype: "f16" })),
      code: "LIMIT",
      message: /factors would reach 2\^15 in f16.*scaleBase: \d+ or more/s,
    },
    {
      name: "an unknown option",
      call: (d) => rope(d.zeros([1, 4, 1, 8]), { theta: 1 } as never),
      code: "CONFIG",
      message: /unknown option theta/,
    },
  ],
  ["frequencies"],
);

test("queries and keys: scores depend on the distance alone, wherever the centre is", async () => {
  using device = await openTestDevice();
  const [q, k] = [1, 2].map((stream) => device.tensor(normal(16, stream), [1, 1, 1, 16]));
  if (!q || !k) return;
  const score = async (t: number, u: number, centre: number) => {
    const [a, b] = [
      await xpos(q, { positions: t, centre }).data(),
      await xpos(k, { positions: u, centre, downscale: true }).data(),
    ];
    return Array.from(a).reduce((total, value, i) => total + value * (b[i] ?? 0), 0);
  };
  const wanted = await score(40, 10, 20);
  expect(await score(1040, 1010, 1000)).toBeCloseTo(wanted, 4);
  expect(await score(40, 10, 0)).toBeCloseTo(wanted, 4);
});

test("one table of frequencies a device, base, scale and width, however often it turns; a dry run fills it, too", async () => {
  using device = await openTestDevice();
  const tables = () => device.stats().byLabel.frequencies ?? 0;
  using x = device.tensor(normal(32, 1), [1, 2, 1, 16]);
  await device.warmup(() => xpos(x, { scaleBase: 64 }));
  const one = tables();
  expect(one).toBeGreaterThan(0);
  const values = async (options: XposOptions) => {
    using y = xpos(x, options);
    return y.data();
  };
  const strong = await values({ scaleBase: 64, centre: 0 });
  await values({ scaleBase: 64, positions: 40, downscale: true });
  expect(tables()).toBe(one);
  const weak = await values({ scaleBase: 512, centre: 0 });
  expect(tables()).toBe(2 * one);
  await values({ scaleBase: 512, base: 500 });
  expect(tables()).toBe(3 * one);
  using fresh = await openTestDevice();
  using again = fresh.tensor(await x.data(), x.shape);
  for (const [scaleBase, wanted] of [
    [512, weak],
    [64, strong],
  ] as const) {
    using y = xpos(again, { scaleBase, centre: 0 });
    expect(await y.data()).toEqual(wanted);
  }
  expect(strong).not.toEqual(weak);
});

test.each([0, 1_000_000])("sinusoid table from position %i", async (offset) => {
  using device = await openTestDevice();
  for (const interleaved of [true, false]) {
    const [N, E] = [5, 20];
    using table = sinusoidPositions(device, N, E, { offset, interleaved });
    const wanted = Array.from({ length: N * E }, (_, i) => {
      const [n, c] = [Math.floor(i / E), i % E];
      const pair = interleaved ? c >> 1 : c % (E / 2);
      const angle = (offset + n) * 10_000 ** ((-2 * pair) / E);
      return (interleaved ? c % 2 === 0 : c < E / 2) ? Math.sin(angle) : Math.cos(angle);
    });
    expect(table.shape).toEqual([N, E]);
    expect(await table.data()).toBeAllClose(wanted, { atol: 1e-6 });
  }
});

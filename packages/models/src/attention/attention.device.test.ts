import { ConfigError, type Device, ShapeError, type Tensor, treeTensors, valueAndGrad } from "@dilated/core";
import { linear, mean, square, sub } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { initAttention, multiheadDilatedAttention } from "../layers/attention-block.ts";
import { Initializer } from "../layers/parameters.ts";
import { sliceTokens } from "../layers/tokens.ts";
import { take } from "../test-utils/arrays.ts";
import { adamW } from "../train/optimizer.ts";
import { train } from "../train/train.ts";
import type { Trainable } from "../train/trainable.ts";
import { type CreateAttentionOptions, createAttention } from "./create.ts";
import type { MultiheadDilatedAttention } from "./module.ts";

const branches = [
  { segment: 8, dilation: 1 },
  { segment: 16, dilation: 2 },
];
const sizes = { dim: 16, heads: 4 } as const;
const dilated = { kind: "dilated", ...sizes, branches } as const;
const every = [
  dilated,
  { kind: "partitioned", ...sizes, branches },
  { kind: "local", ...sizes, segment: 8 },
  { kind: "dense", ...sizes },
] as const satisfies readonly CreateAttentionOptions[];

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

const random = (tokens: number, seed: number): Tensor => device.randomNormal([2, tokens, 16], { seed });

describe.each(every)("$kind", (options) => {
  it("is plain JSON from which it can be made again", async () => {
    using module = createAttention(device, options);
    expect(module.kind).toBe(options.kind);
    const config = JSON.parse(JSON.stringify(module.config));
    expect(config).toEqual(module.config);
    using again = createAttention(device, { kind: module.kind, ...config });
    const x = random(20, 1);
    expect(await take(again.forward(x))).toEqual(await take(module.forward(x)));
  });

  it.each([
    ["itself", 20, undefined],
    ["more keys", 20, 33],
    ["fewer keys", 20, 5],
  ])("attends to %s", (_, N, M) => {
    using module = createAttention(device, {
      ...options,
      kvHeads: 2,
      position: "rope",
    } as CreateAttentionOptions<"dilated">);
    expect(module.parameters.key.weight.shape).toEqual([8, 16]);
    const y = module.forward(random(N, 1), M === undefined ? {} : { key: random(M, 2), value: random(M, 3) });
    expect(y.shape).toEqual([2, N, 16]);
  });

  // Software Vulkan takes most of a minute to compile what the first backward pass needs.
  it("sends a gradient to every weight, and to query, key and value", async () => {
    using module = createAttention(device, options);
    const operands = { query: random(20, 1), key: random(20, 2), value: random(20, 3) };
    const { grads } = valueAndGrad({ p: module.parameters, operands }, () =>
      mean(square(module.forward(operands.query, { key: operands.key, value: operands.value }))),
    );
    for (const grad of treeTensors(grads).filter(({ shape }) => shape.length > 1)) {
      expect((await take(grad)).some((value) => Math.abs(value) > 1e-9)).toBe(true);
    }
  });
});

it("equals the function, with every option", async () => {
  const given = { ...dilated, kvHeads: 2, position: "xpos", dropout: 0.2, headOffset: "block", eps: 1e-4 } as const;
  using module = createAttention(device, { ...given, seed: 5, gain: 2 });
  const shape = { ...sizes, kvHeads: 2, position: "xpos", xposScaleBase: 512, eps: 1e-4 } as const;
  const p = initAttention(new Initializer(device, 5), shape, { gain: 2 }, "attention");
  const [x, context] = [random(20, 1), random(20, 2)];
  const keyMask = Array.from({ length: 40 }, (_, i) => i % 20 < 15);
  const pattern = { branches, headOffset: "block", causal: true } as const;
  const wanted = multiheadDilatedAttention(x, p, shape, {
    ...pattern,
    key: context,
    keyMask,
    cuSeqlens: [0, 12, 20],
    dropout: { p: 0.2, seed: 9 },
  });
  const call = { key: context, keyMask, cuSeqlens: [0, 12, 20], causal: true, dropoutSeed: 9 };
  const got = await take(module.forward(x, call));
  expect(got).toEqual(await take(wanted));
  expect(await take(module.forward(x, { ...call, dropoutSeed: undefined }))).not.toEqual(got);
  expect(await take(module.forward(x, { ...call, causal: undefined }))).not.toEqual(got);
});

it("a causal module sees no later token, and sub-LN can be left out", async () => {
  using module = createAttention(device, { ...dilated, causal: true, subLN: false });
  expect(module.parameters.innerNorm).toBeUndefined();
  const x = random(20, 1);
  const short = device.scope(() => sliceTokens(x, 0, 11));
  const whole = await take(module.forward(x));
  const rows = (b: number) => whole.slice(b * 20 * 16, (b * 20 + 11) * 16);
  expect([...rows(0), ...rows(1)]).toBeAllClose(await take(module.forward(short)), { atol: 1e-6 });
});

it("dense is dilated attention with one segment of everything, and local sees its own segment", async () => {
  const x = random(20, 1);
  const outputs = every.slice(2).map((options) => take(createAttention(device, options as typeof dilated).forward(x)));
  const one = (segment: number) =>
    take(createAttention(device, { ...dilated, branches: [{ segment, dilation: 1 }] }).forward(x));
  const [local, dense] = await Promise.all(outputs);
  expect(dense).toBeAllClose(await one(20), { atol: 1e-6 });
  expect(local).toBeAllClose(await one(8), { atol: 1e-6 });
  expect(local).not.toBeAllClose(dense as Float32Array, { atol: 1e-2 });
});

it.each(["f32", "mixed"] as const)("learns inside a model of one's own (%s)", async (precision) => {
  if (precision === "mixed" && device.info.software) return; // minutes of compiling there; the CPU and GPUs run it
  const module = createAttention(device, { ...dilated, causal: true });
  const model: Trainable<{ x: Tensor; y: Tensor }, { attention: MultiheadDilatedAttention["parameters"]; w: Tensor }> =
    {
      device,
      parameters: { attention: module.parameters, w: device.randomNormal([16, 16], { seed: 3, std: 0.1 }) },
      loss({ x, y }) {
        const { attention, w } = this.parameters;
        return mean(square(sub(linear(module.withParameters(attention).forward(x), w), y)));
      },
    };
  const rows = (seed: number) => Array.from({ length: 16 * 16 }, (_, i) => Math.sin(i * seed));
  const batch = { x: { data: rows(1), shape: [1, 16, 16] }, y: { data: rows(3), shape: [1, 16, 16] } };
  const losses: number[] = [];
  for await (const { loss } of train(model, () => batch, { optimizer: adamW({ lr: 1e-2 }), steps: 12, precision }))
    losses.push(loss);
  expect(losses.at(-1)).toBeLessThan(0.8 * (losses[0] as number));
});

it("types follow the kind", () => {
  using local = createAttention(device, { kind: "local", ...sizes, segment: 8 });
  expectTypeOf(local).toEqualTypeOf<MultiheadDilatedAttention<"local">>();
  expect(local.config.segment).toBe(8);
});

it.each([
  [{ ...dilated, kind: "improved" }, /unknown kind improved.*known: dilated, partitioned, local, dense/s],
  [{ ...dilated, kind: "toString" }, /known: dilated/],
  [{ ...dilated, qkNorm: true }, /qkNorm: unknown; known: dim, heads/],
  [{ kind: "dense", ...sizes, branches }, /branches: unknown/],
  [{ kind: "dilated", ...sizes }, /branches: missing/],
  [{ ...dilated, dim: 18 }, /dim \/ heads: 18 \/ 4/],
  [{ ...dilated, kvHeads: 3, dropout: 1 }, /dropout: 1; allowed/],
  [{ ...dilated, kvHeads: 3 }, /kvHeads: 3; allowed: a divisor/],
  [{ ...dilated, position: "learned" }, /position: "learned"; allowed/],
  [{ ...dilated, branches: [{ segment: 2 ** 40, dilation: 1 }] }, /segment/],
  [{ ...dilated, seed: -1, gain: 0 }, /2 fields are wrong.*seed: -1.*gain: 0/s],
])("refuses %o, and leaves nothing behind", (options, message) => {
  const { live } = device.stats();
  const call = () => createAttention(device, options as never);
  expect(call).toThrow(ConfigError);
  expect(call).toThrow(message);
  expect(device.stats().live).toBe(live);
});

it("refuses calls that it does not understand", () => {
  using module = createAttention(device, dilated);
  const x = random(20, 1);
  expect(() => module.forward(x, { needWeights: true } as never)).toThrow(/needWeights: unknown; known: key, value/);
  expect(() => module.forward(x, { key: [1] as never })).toThrow(/key: .*allowed: a Tensor/);
  expect(() => module.forward(x, { key: random(9, 2), cuSeqlens: [0, 20] })).toThrow(ConfigError);
  expect(() => module.forward(x, { keyMask: [true] })).toThrow(ShapeError);
  expect(() => module.forward(device.zeros([2, 20, 12]))).toThrow(ShapeError);
});

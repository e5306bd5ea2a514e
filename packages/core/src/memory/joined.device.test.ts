import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { apply } from "../autograd/apply.ts";
import type { DifferentiableOp } from "../autograd/op.ts";
import { valueAndGrad } from "../autograd/value-and-grad.ts";
import type { Device } from "../device/device.ts";
import { FeatureError } from "../errors/index.ts";
import { hostTask } from "../host-task/host-task.ts";
import { accumulate } from "../ops/accumulate.ts";
import { fill } from "../ops/fill.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { castJoined, gradientPlaces, joinedLike, joinTensors } from "./joined.ts";
import { type JoinedRun, joinedRuns } from "./runs.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

const SHAPES = [[3], [2, 5], [130], [4, 64], [7]];

function made(): Tensor[] {
  return SHAPES.map((shape, i) => device.randomNormal(shape, { seed: i, label: `t${i}` }));
}

const valuesOf = (tensors: readonly Tensor[]) => Promise.all(tensors.map((tensor) => tensor.data()));
const free = (...tensors: readonly Tensor[]) => {
  for (const tensor of tensors) tensor.dispose();
};

test("tensors that are joined hold what they held, are counted as before, and are freed one by one", async () => {
  const tensors = made();
  const [before, stats] = [await valuesOf(tensors), device.stats()];
  joinTensors(tensors);
  joinTensors({ again: tensors });
  expect(await valuesOf(tensors)).toEqual(before);
  expect(device.stats()).toMatchObject({ live: stats.live, buffers: stats.buffers, byLabel: stats.byLabel });
  expect(joinedRuns([tensors]).map(({ members }) => members)).toEqual([
    [0, 2, 4],
    [1, 3],
  ]);
  free(...tensors.slice(1));
  expect(await tensors[0]?.data()).toEqual(before[0]);
  free(...tensors);
});

test("each is written, copied and read in part by itself", async () => {
  const tensors = made();
  const before = await valuesOf(tensors);
  joinTensors(tensors);
  const [a, , c, , e] = tensors as [Tensor, Tensor, Tensor, Tensor, Tensor];
  device.write(a, [1, 2, 3]);
  device.copy(c, e, { from: 100, to: 2, count: 3 });
  device.copy(a, c, { to: 127 });
  expect([...(await a.data())]).toEqual([1, 2, 3]);
  expect(await c.data({ begin: 126 })).toEqual(Float32Array.of(before[2]?.[126] as number, 1, 2, 3));
  expect((await e.data()).slice(2, 5)).toEqual(before[2]?.slice(100, 103));
  free(...tensors);
});

test("a launch may read one and write another", async () => {
  const tensors = made();
  const [, b, , d] = tensors as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const like = device.randomNormal([2, 5], { seed: 9 });
  joinTensors([like, b, d]);
  const [x, y] = await valuesOf([like, b]);
  accumulate(b, like, b);
  expect(await b.data()).toEqual((x as Float32Array).map((value, i) => value + Number(y?.[i])));
  expect(await like.data()).toEqual(x);
  free(like, ...tensors);
});

test("backward hears of what was written to all of them", () => {
  const tensors = made();
  joinTensors(tensors);
  const run = joinedRuns([tensors])[0] as JoinedRun;
  const versions = tensors.map(({ storage }) => storage.version);
  device.scope(() => fill(run.of(0) as Tensor, 0));
  expect(run.members).toEqual([0, 2, 4]);
  for (const i of run.members) expect(tensors[i]?.storage.version).toBeGreaterThan(versions[i] as number);
  const [a, , c] = tensors as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const before = c.storage.version;
  device.write(a, [1, 2, 3]);
  expect(c.storage.version).toBe(before);
  free(...tensors);
});

test("new tensors lie as joined ones do, in any dtype, all or none", async () => {
  const tensors = made();
  joinTensors(tensors);
  const halves = joinedLike(tensors, { dtype: "f16", label: "halves", value: 2 });
  const wide = castJoined(halves, "f32");
  const runs = joinedRuns([tensors, halves, wide, []]);
  expect(runs.map(({ members }) => members.length)).toEqual([3, 2]);
  expect((await wide[2]?.data())?.every((value) => value === 2)).toBe(true);
  expect(joinedRuns([tensors, halves], [0, 0, 1, 0, 1]).map(({ members }) => members)).toEqual([[0], [2, 4], [1, 3]]);
  free(...tensors, ...halves, ...wide);

  using small = await openTestDevice({ memoryBudget: 3 * 65_536 });
  const large = [1, 2].map(() => small.zeros([128, 128]));
  const { live } = small.stats();
  joinTensors(large); // finds no room, which is nobody's fault
  expect(() => joinedLike(large, { dtype: "f32", label: "copy" })).toThrow(/memory/);
  expect(small.stats().live).toBe(live);
});

/** An op whose gradients are 3, and 2 the second time; it writes them where there is a place. */
const threes: DifferentiableOp<{ times: number }> = {
  name: "threes",
  forward: ([x]) => ({ outputs: [x?.device.zeros([1]) as Tensor], saved: [x] }),
  backward: ({ saved: [x], place, options }) => {
    const like = x as Tensor;
    options.times += 1;
    return [fill(place?.(0) ?? device.empty(like.shape), options.times === 1 ? 3 : 2)];
  },
};

test("gradients may lie together, sums and zeros included, and are the same", async () => {
  const tensors = made();
  const [a, , c, , e] = tensors as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const work = () => {
    const options = { times: 0 };
    const parts = [a, c, c].map((x) => apply(threes, [x], options)[0] as Tensor);
    return parts.reduce((sum, part) => accumulate(sum, part));
  };
  const plain = valueAndGrad(tensors, work);
  const joined = valueAndGrad(tensors, work, { places: gradientPlaces });
  expect(joinedRuns([joined.grads]).map(({ members }) => members)).toEqual([
    [0, 2, 4],
    [1, 3],
  ]);
  expect(await valuesOf(joined.grads)).toEqual(await valuesOf(plain.grads));
  expect(await joined.grads[2]?.data({ end: 1 })).toEqual(Float32Array.of(5));
  free(plain.value, joined.value, ...plain.grads, ...joined.grads, ...tensors);
  expect(e.disposed).toBe(true);
});

test("who has hold of a tensor's GPUBuffer keeps it, and gets one of the tensor's own", async () => {
  const tensors = made();
  const [a, , c] = tensors as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const before = await valuesOf(tensors);
  if (device.info.backend === "wasm") expect(() => a.gpuBuffer).toThrow(FeatureError);
  else {
    const { gpuBuffer } = a;
    joinTensors(tensors);
    expect(a.gpuBuffer).toBe(gpuBuffer);
    expect((c.gpuBuffer as GPUBuffer).size).toBeLessThan(1024);
    joinTensors(tensors);
    expect(joinedRuns([tensors]).map(({ members }) => members)).toContainEqual([1, 3]);
  }
  expect(await valuesOf(tensors)).toEqual(before);
  free(...tensors);
});

test("a host task reads the one that it names", async () => {
  const tensors = made();
  joinTensors(tensors);
  let seen: unknown;
  const inputs = [tensors[2] as Tensor];
  const task = hostTask(device, {
    inputs,
    work: ([given]) => {
      seen = given?.data;
      return [];
    },
  });
  task.wait();
  await task.finished;
  expect(seen).toEqual(await tensors[2]?.data());
  free(...tensors);
});

import { type Device, defineKernel, type KernelDefinition, type Tensor, treeTensors } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { tuningStore } from "#tuning-store";
import { choose, tuned } from "./choice.ts";
import { loadTuning } from "./found.ts";
import { differenceOf, readResults } from "./same.ts";
import { tune } from "./tune.ts";
import type { TuneWorkload } from "./workload.ts";
import { attentionWorkloads } from "./workloads/attention.ts";
import { matmulWorkloads } from "./workloads/matmul.ts";

/** y = x + 1, `TURNS` times over: the more turns, the slower, and the result is the same unless WRONG, or where nothing is written. */
const increment: KernelDefinition<"x" | "y", "count"> = defineKernel({
  name: "tune_increment",
  tensors: { x: { access: "read", view: "vec4" }, y: { access: "write", view: "vec4" } },
  scalars: { count: "u32" },
  wgsl: {
    source: `
      @compute @workgroup_size(64 * SIZE)
      fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
        if (group_index(w) >= params.group_count) { return; }
        let i = group_index(w) * 64u * SIZE + lane;
        if (i >= params.count) { return; }
        var sum = load_x(i);
        for (var t = 0u; t < TURNS; t++) { sum = sum * 0.5 + load_x((i + t) % params.count) * 0.5; }
        if (WRITES) { store_y(i, load_x(i) + 1.0 + select(0.0, 1.0, WRONG) + max(sum - 1e6, vec4f())); }
      }`,
  },
});

const slow = { SIZE: 1, TURNS: 4000, WRONG: false, WRITES: true };
const fast = { ...slow, TURNS: 1 };
const variants = [slow, { ...slow, SIZE: 100_000 }, { ...fast, WRONG: true }, fast, { ...fast, WRITES: false }];

const workload: TuneWorkload = {
  name: "increment",
  prepare(device) {
    const x = device.randomNormal([64, 64], { seed: 1 });
    const run = (): { y: Tensor } => {
      const y = device.empty(x.shape);
      const constants = tuned(device, "test.increment", variants);
      const groups = Math.ceil(x.size / 4 / 64 / constants.SIZE);
      device.run(increment, { tensors: { x, y }, scalars: { count: x.size / 4 }, constants, groups, items: 0 });
      return { y };
    };
    return { operands: { x }, run };
  },
};

/** The same work, offered twice: on software adapters the kernels have one variant each, and others compile for a minute. */
function twofold(workload: TuneWorkload): TuneWorkload {
  const key = `test.${/attention (.*) f32/.exec(workload.name)?.[1]}`;
  return {
    ...workload,
    prepare(device) {
      const { operands, run } = workload.prepare(device);
      const asking = () => {
        tuned(device, key, ["one", "other"]);
        return run();
      };
      return { operands, run: asking };
    },
  };
}

describe("tune on a device", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openTestDevice();
  });
  afterAll(() => device.dispose());

  test.runIf(inject("backend") === "wasm")("has nothing to do on WebAssembly", async () => {
    expect(await tune(device, { workloads: [workload] })).toMatchObject({
      keys: [],
      nothing: expect.stringContaining("WebAssembly"),
    });
  });

  test.skipIf(inject("backend") === "wasm")("measures, checks, chooses and leaves nothing behind", async () => {
    device.randomNormal([4], { seed: 1 }).dispose(); // which keeps a table
    const before = device.stats().buffers;
    const report = await tune(device, { workloads: [workload], budgetMs: 1e8 });
    expect(report.problems).toEqual([]);
    expect(report.keys[0]?.complete).toBe(true);
    expect(report.keys[0]?.candidates.map(({ problem }) => problem?.split(":")[0])).toEqual([
      undefined,
      "failed",
      "wrong",
      undefined,
      "wrong",
    ]);
    expect(report.keys[0]?.gain).toBeGreaterThan(1.03);
    expect(tuned(device, "test.increment", variants)).toBe(variants[3]);
    expect(device.stats().buffers).toBe(before);
    using x = device.tensor([1, 2, 3, 4]); // a kernel that failed to compile spoils nothing that comes after
    expect([...(await x.data())]).toEqual([1, 2, 3, 4]);
  });

  test.skipIf(inject("backend") === "wasm")("finds out what there is to tune without running it", async () => {
    const attention = { shape: [1, 65_536, 8, 64], causal: true };
    const options = { attention, matmul: { m: 4096, n: 4096, k: 64 }, budgetMs: 1 };
    const { value: report, profile } = await device.profile(() => tune(device, options));
    // On a software adapter there is nothing; elsewhere no time. Either way nothing that size was computed.
    expect(report.keys).toEqual([]);
    if (!device.info.software) return;
    expect(report.nothing ?? report.unfinished.join()).toBeTruthy();
    expect(profile.kernels).toEqual([]);
  });

  // What software adapters take for compiling these is better spent elsewhere: which kernels run is told without them.
  test.skipIf(inject("backend") === "wasm")("the workloads of attention are a kernel each", () => {
    const all = attentionWorkloads(device, { shape: [1, 64, 2, 16], keyHeads: 1, dtype: "f32" });
    const kernels = all.map(({ prepare }) => {
      const names: string[] = [];
      const note = ({ name }: KernelDefinition) => void names.push(name.replace("_rolled", ""));
      device.dryRun(() => prepare(device), note);
      const before = names.splice(0).length;
      device.dryRun(() => prepare(device).run(), note);
      return names.slice(before);
    });
    expect(kernels).toEqual([
      ["attention_forward"],
      ["attention_row_stats", "attention_backward_query"],
      ["attention_row_stats", "attention_backward_key"],
    ]);
  });

  // Compiled for a minute in a page, whose own are the clock and the store: other tests show them.
  const notHere = inject("backend") === "wasm" || "document" in globalThis;

  test.skipIf(notHere)("goes through attention and its gradients, and frees all of it", async () => {
    using other = await openTestDevice();
    const attention = { shape: [1, 64, 2, 16], keyHeads: 1, dtype: "f32" } as const;
    const workloads = attentionWorkloads(other, attention).map(twofold);
    const report = await tune(other, { workloads, budgetMs: 1e8 });
    expect(report).toMatchObject({ problems: [], unfinished: [] });
    const added = report.keys.filter(({ key }) => key.startsWith("test.")); // GPUs have keys of their own
    expect(added.map(({ key }) => key)).toEqual(["test.forward", "test.dQ", "test.dK, dV"]);
    for (const { candidates } of added) expect(candidates.filter(({ ms }) => ms !== undefined)).toHaveLength(2);
    const left = Object.keys(other.stats().byLabel);
    expect(left.filter((label) => !["attention plan", "normal table"].includes(label))).toEqual([]);
  });

  test.skipIf(inject("backend") === "wasm")("the workloads of matmul are the product and its gradient's", async () => {
    const all = matmulWorkloads(device, { m: 20, n: 12, k: 8, transposeA: true, batch: 2, gradients: true });
    const shapes = [];
    for (const workload of all) {
      const { run, operands } = workload.prepare(device);
      const [one, other] = [await readResults(run()), await readResults(run())];
      expect(await differenceOf(one, other)).toBeUndefined();
      const changed = { c: { ...one.c, values: one.c?.values.map((x) => x + 1) } } as typeof one;
      expect(await differenceOf(one, changed)).toMatch(/^c\[\d+\] is /);
      shapes.push(...Object.values(device.scope(run)).map(({ shape }) => shape));
      for (const tensor of treeTensors(operands)) tensor.dispose();
    }
    expect(shapes).toEqual([
      [2, 20, 12],
      [2, 8, 20],
      [2, 8, 12],
    ]);
  });

  test.skipIf(notHere)("tunes products, taking the adapter for a real one", async () => {
    using other = await openTestDevice();
    Object.assign(other.info, { software: false });
    // K is cut in two, so there is a temporary.
    const matmul = { m: 64, n: 64, k: 2048, dtype: "f32" } as const;
    const report = await tune(other, { matmul, budgetMs: 1e8 });
    expect(report.problems).toEqual([]);
    expect(report.keys).toMatchObject([{ key: "matmul.tile nn 0 6 6 11", complete: true }]);
    expect(report.keys[0]?.candidates.map(({ variant }) => variant)).toEqual(["small", "large", "medium", "direct"]);
    expect(report.keys[0]?.candidates.filter(({ problem }) => problem)).toEqual([]);
  });

  test("the store of this platform keeps what was found", async () => {
    const node = typeof process !== "undefined" && process.versions?.node !== undefined;
    const store = tuningStore(
      node ? `${process.cwd()}/node_modules/.cache/dilated-tuning-test-${process.pid}` : "tune-test",
    );
    expect(await store.read("nothing there")).toBeUndefined();
    await store.write("a", "one");
    await store.write("a", "two");
    expect(await store.read("a")).toBe("two");
    if (device.info.backend === "webgpu") {
      choose(device, "test.increment", undefined);
      await tune(device, { workloads: [workload], store, force: true, budgetMs: 1e8 });
      using next = await openTestDevice();
      expect((await loadTuning(next, store)).keys).toEqual(["test.increment"]);
      expect(tuned(next, "test.increment", variants)).toBe(variants[3]);
    }
    if (node) await (await import("node:fs/promises")).rm(store.where, { recursive: true });
  });
});

import { type Device, DisposedError, type Tensor } from "@dilated/core";
import { recordingDevice } from "@dilated-internal/testing/recording-device";
import { afterEach, describe, expect, test, vi } from "vitest";
import { tuned } from "./choice.ts";
import type { TuneOptions } from "./options.ts";
import { formatTuning } from "./report.ts";
import { type FakeVariant, fakeDevice, fakeWorkload, memoryStore } from "./test-utils/fake-device.ts";
import { tune } from "./tune.ts";
import type { TuneWorkload } from "./workload.ts";

const usual: FakeVariant = { name: "usual", ms: 2 };
const fast: FakeVariant = { name: "fast", ms: 1 };
const wrong: FakeVariant = { name: "wrong", ms: 0.1, off: 1 };
const broken: FakeVariant = { name: "broken", ms: 0.1, broken: true };

async function tuneOne(variants: readonly FakeVariant[], options: TuneOptions = {}) {
  const device = fakeDevice();
  const report = await tune(device, { workloads: [fakeWorkload("k", variants)], ...options });
  return { device, report, now: tuned(device, "k", variants) };
}

afterEach(() => void vi.restoreAllMocks());

describe("tune", () => {
  test("chooses the fastest, and the device uses it", async () => {
    const { report, now } = await tuneOne([usual, { name: "slow", ms: 3 }, fast, { name: "middle", ms: 1.5 }]);
    expect(now).toBe(fast);
    expect(report.keys).toMatchObject([{ key: "k", workload: "work on k", gain: 2, complete: true }]);
    expect(report.keys[0]?.candidates.map(({ ms }) => ms)).toEqual([2, 3, 1, 1.5]);
  });

  test("never chooses a variant that is wrong or does not compile, and says what is the matter", async () => {
    const nan = { ...wrong, name: "nan", off: Number.NaN };
    const { report, now } = await tuneOne([usual, wrong, broken, nan, fast]);
    expect(now).toBe(fast);
    expect(report.keys[0]?.candidates.map(({ problem }) => problem?.split("\n")[0])).toEqual([
      undefined,
      "wrong: y[2] is 4, not 3",
      "failed: no such instruction",
      "wrong: y[2] is NaN, not 3",
      undefined,
    ]);
    expect(formatTuning(report)).toContain("failed: no such instruction\n");
  });

  test("a tensor that a variant used too late is that variant's problem; a device that was disposed is the end", async () => {
    const late = () => {
      throw new DisposedError('tensor "t" [1] was used after it was disposed');
    };
    const { report, now } = await tuneOne([usual, { name: "late", ms: 0.1, before: late }, fast]);
    expect(now).toBe(fast);
    expect(report.keys[0]?.candidates[1]?.problem).toMatch(/^failed: tensor "t"/);
    const end = (device: Device) => {
      Object.assign(device, { disposed: true });
      throw new DisposedError("the device was disposed");
    };
    await expect(tuneOne([usual, { name: "end", ms: 1, before: end }, fast])).rejects.toMatchObject({
      code: "DISPOSED",
    });
  });

  test("a variant that fails when it is timed is left out, and the others go on", async () => {
    let runs = 0;
    const third = () => {
      if (++runs > 2) throw new Error("too often");
    };
    const { report, now } = await tuneOne([usual, { name: "tired", ms: 0.1, before: third }, fast]);
    expect(now).toBe(fast);
    expect(report.keys[0]).toMatchObject({ complete: true });
    expect(report.keys[0]?.candidates.map(({ ms, problem }) => ms ?? problem)).toEqual([2, "failed: too often", 1]);
  });

  test("so is one that fails in the comparison with the default, after which the next best is compared", async () => {
    let runs = 0;
    const before = () => {
      // Compiled, checked, four times timed; then comes the comparison.
      if (++runs > 6) throw new Error("too often");
    };
    const { report, now } = await tuneOne([
      { ...usual, ms: 20 },
      { name: "tired", ms: 10, before },
      { ...fast, ms: 12 },
    ]);
    expect(now).toMatchObject({ name: "fast" });
    expect(report.keys[0]).toMatchObject({ complete: true, chosen: "ms=12 name=fast" });
    expect(report.keys[0]?.candidates[1]?.problem).toBe("failed: too often");
  });

  test("times a device that was idle when it is up to speed", async () => {
    const device = fakeDevice({}, { slowLaunches: 50 });
    const report = await tune(device, { workloads: [fakeWorkload("k", [usual, fast])] });
    expect(report.keys[0]?.candidates.map(({ ms }) => ms)).toEqual([2, 1]);
  });

  test("compares within a row: small rows are not hidden by large ones", async () => {
    expect((await tuneOne([usual, { ...fast, off: 1e-5 }])).report.keys[0]?.gain).toBe(2);
    expect((await tuneOne([usual, { ...fast, off: 1e-2 }])).report.keys[0]?.gain).toBe(1);
  });

  test("keeps the default where the gain is no more than noise, or the default does not run", async () => {
    const close = { name: "close", ms: 1.98 };
    expect((await tuneOne([usual, close])).now).toBe(usual);
    const { report, now } = await tuneOne([{ ...usual, broken: true }, fast]);
    expect(now).toMatchObject({ name: "usual" });
    expect(report).toMatchObject({
      keys: [],
      problems: [expect.stringContaining("default variant of k failed: no such")],
    });
  });

  test("ends with the budget, and uses what it has", async () => {
    const late = { name: "late", ms: 0.5, compileMs: 60_000 };
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const worked = (ms: number) => {
      now += ms;
    };
    const device = fakeDevice({}, { worked });
    const workloads = [fakeWorkload("k", [usual, fast, late]), fakeWorkload("never", [usual, fast])];
    const report = await tune(device, { workloads, budgetMs: 200 });
    expect(report.elapsedMs).toBeLessThan(300);
    expect(tuned(device, "k", [usual, fast, late])).toBe(fast);
    expect(report.keys).toMatchObject([{ gain: 2, complete: false }]);
    expect(report.unfinished).toEqual(["k", "work on never"]);
    expect(formatTuning(report)).toMatch(/late.*: not tried\n/);
  });

  test("stops by the signal: what was finished stays chosen and is saved", async () => {
    const device = fakeDevice();
    const store = memoryStore();
    const controller = new AbortController();
    const late = [{ ...usual, compileMs: 60_000 }, fast];
    const { prepare } = fakeWorkload("late", late);
    const stopping = (on: Device) => {
      setTimeout(() => controller.abort()); // when this is being compiled
      return prepare(on);
    };
    const workloads = [fakeWorkload("k", [usual, fast]), { name: "late", prepare: stopping }];
    const stopped = tune(device, { workloads, store, signal: controller.signal });
    await expect(stopped).rejects.toMatchObject({ code: "ABORTED" });
    expect(tuned(device, "k", [usual, fast])).toBe(fast);
    expect(tuned(device, "late", late)).toBe(late[0]);
    expect([...store.texts.values()].join()).toContain('"k"');
    await expect(tune(device, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" });
  });

  test("tells where it is", async () => {
    const onProgress = vi.fn();
    await tuneOne([usual, fast], { onProgress });
    expect(onProgress.mock.calls.map(([{ key, candidate }]) => [key, candidate.split(" ").at(-1)])).toEqual([
      ["k", "name=usual"],
      ["k", "name=fast"],
    ]);
    expect(onProgress.mock.calls[0]?.[0]).toMatchObject({ workload: "work on k", budgetMs: 10_000 });
  });

  test("a workload that cannot run is a problem of its own", async () => {
    const prepare = () => {
      throw new Error("too large\nby far");
    };
    const bad = { name: "work on bad", prepare };
    const { report, now } = await tuneOne([usual, fast], { workloads: [bad, fakeWorkload("k", [usual, fast])] });
    expect(report.problems).toEqual(["work on bad: too large"]);
    expect(now).toBe(fast);
  });

  test("refuses results that were there before, and work that goes on later", async () => {
    const { device } = recordingDevice();
    const run = (y: Tensor) => {
      tuned(device, "k", [usual, fast]);
      return { y };
    };
    const inPlace: TuneWorkload = {
      name: "in place",
      prepare() {
        const y = device.empty([4]);
        return { operands: { y }, run: () => run(y) };
      },
    };
    const later: TuneWorkload = {
      name: "later",
      prepare: () => ({ operands: {}, run: (async () => run(device.empty([4]))) as never }),
    };
    const { problems, keys } = await tune(device, { workloads: [inPlace, later] });
    expect(keys).toEqual([]);
    expect(problems).toEqual([
      "in place: tune: the default variant of k failed: tune: run returns operands: y",
      expect.stringContaining("later: scope: the function is async"),
    ]);
  });

  test("says so where there is nothing to choose", async () => {
    expect((await tuneOne([usual])).report.nothing).toContain("have one variant each here");
    const wasm = fakeDevice({ backend: "wasm", tier: "simd" });
    const report = await tune(wasm, { workloads: [fakeWorkload("k", [usual, fast])] });
    expect(report).toMatchObject({ keys: [], nothing: expect.stringContaining("WebAssembly") });
  });

  test("refuses options that it does not know", async () => {
    const bad = { budget: 5, budgetMs: -1, matmul: 3 } as unknown as TuneOptions;
    await expect(tune(fakeDevice(), bad)).rejects.toMatchObject({ code: "CONFIG", details: { length: 3 } });
    const shape = { attention: { shape: [1, 64, 4] } };
    await expect(tune(fakeDevice(), shape)).rejects.toMatchObject({ code: "CONFIG" });
  });
});

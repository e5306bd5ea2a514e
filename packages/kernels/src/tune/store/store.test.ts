import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { tuned } from "../choice.ts";
import { loadTuning, saveTuning } from "../found.ts";
import { fakeDevice, fakeWorkload, memoryStore } from "../test-utils/fake-device.ts";
import { tune } from "../tune.ts";
import { recordId } from "./record.ts";
import { tuningStore } from "./store.node.ts";

const variants = [
  { name: "usual", ms: 2 },
  { name: "fast", ms: 1 },
];
const workloads = [fakeWorkload("k", variants)];

describe("what is kept", () => {
  test("is used by the next device, without measuring", async () => {
    const store = memoryStore();
    await tune(fakeDevice(), { workloads, store });
    const next = fakeDevice();
    expect(await loadTuning(next, store)).toEqual({ keys: ["k"] });
    expect(tuned(next, "k", variants)).toBe(variants[1]);
    const report = await tune(fakeDevice(), { workloads: [...workloads, fakeWorkload("new", variants)], store });
    expect(report).toMatchObject({ known: ["k"], keys: [{ key: "new" }] });
    expect((await loadTuning(fakeDevice(), store)).keys).toEqual(["k", "new"]);
    expect((await tune(fakeDevice(), { workloads, store, force: true })).keys).toMatchObject([{ key: "k" }]);
  });

  test("remembers that the default is best", async () => {
    const store = memoryStore();
    const best = [...variants].reverse();
    await tune(fakeDevice(), { workloads: [fakeWorkload("k", best)], store });
    const next = fakeDevice();
    expect((await tune(next, { workloads: [fakeWorkload("k", best)], store })).known).toEqual(["k"]);
    expect(tuned(next, "k", best)).toBe(best[0]);
  });

  test.each([{ adapter: "another GPU" }, { tier: "baseline" }, { robustness: false }] as const)(
    "is not for %o",
    async (info) => {
      const store = memoryStore();
      await tune(fakeDevice(), { workloads, store });
      expect(await loadTuning(fakeDevice(info), store)).toEqual({ keys: [] });
    },
  );

  test("has the version of the package in its name", async () => {
    const { version } = JSON.parse(await readFile(new URL("../../../package.json", import.meta.url), "utf8"));
    expect(recordId(fakeDevice())).toBe(`fake GPU | vector | checked | ${version}`);
  });

  test("is dropped where the variant is not on offer any more", async () => {
    const store = memoryStore();
    await tune(fakeDevice(), { workloads, store });
    const device = fakeDevice();
    await loadTuning(device, store);
    const others = [variants[0], { name: "newer", ms: 0.5 }] as typeof variants;
    expect(tuned(device, "k", others)).toBe(others[0]);
    const report = await tune(device, { workloads: [fakeWorkload("k", others)] });
    expect(report.problems).toEqual([expect.stringContaining("not on offer any more")]);
    expect(tuned(device, "k", others)).toBe(others[1]);
  });

  test.each([
    ["{", "damaged"],
    ["null", "another device or version"],
    ['{"format":99}', "another device or version"],
    [JSON.stringify({ format: 1, id: recordId(fakeDevice()), entries: 3 }), ""],
    [JSON.stringify({ format: 1, id: recordId(fakeDevice()), entries: null }), "damaged"],
    [JSON.stringify({ format: 1, id: recordId(fakeDevice()), entries: { k: { variant: 7 } } }), "make no sense"],
  ])("is ignored when it is %s, and replaced", async (text, problem) => {
    const store = memoryStore();
    store.texts.set(recordId(fakeDevice()), text);
    const loaded = await loadTuning(fakeDevice(), store);
    expect(loaded.keys).toEqual([]);
    expect(loaded.problem ?? "").toContain(problem);
    expect((await tune(fakeDevice(), { workloads, store })).keys).toHaveLength(1);
    expect(await loadTuning(fakeDevice(), store)).toEqual({ keys: ["k"] });
  });

  test("a store that fails is reported, and what was found is used", async () => {
    const fail = () => Promise.reject(new Error("disk on fire"));
    const device = fakeDevice();
    const { problems } = await tune(device, { workloads, store: { where: "nowhere", read: fail, write: fail } });
    expect(problems).toEqual(["nowhere: cannot be read (disk on fire)", "nowhere: cannot be written (disk on fire)"]);
    expect(tuned(device, "k", variants)).toBe(variants[1]);
  });

  test("saveTuning adds to what others saved", async () => {
    const store = memoryStore();
    await tune(fakeDevice(), { workloads: [fakeWorkload("theirs", variants)], store });
    const device = fakeDevice();
    expect(await saveTuning(device, store)).toEqual([]);
    await tune(device, { workloads });
    expect(await saveTuning(device, store)).toEqual(["k"]);
    expect((await loadTuning(fakeDevice(), store)).keys).toEqual(["theirs", "k"]);
  });
});

describe("the folder", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dilated-tuning-"));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  test("is made when it is needed, holds one whole file an id, and nothing else", async () => {
    const store = tuningStore(join(folder, "a", "b"));
    expect(await store.read("x")).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
    await Promise.all(["1", "2", "3"].map((text) => store.write("GPU | x", text)));
    await store.write("GPU / x", "other");
    expect(["1", "2", "3"]).toContain(await store.read("GPU | x"));
    expect(await store.read("GPU / x")).toBe("other");
    const files = await readdir(join(folder, "a", "b"));
    expect(files).toHaveLength(2);
    expect(files.every((name) => /^GPU-x-[0-9a-f]{12}\.json$/.test(name))).toBe(true);
  });

  test("that cannot be written is an error of saveTuning", async () => {
    const blocked = join(folder, "file");
    await writeFile(blocked, "");
    const device = fakeDevice();
    await tune(device, { workloads });
    await expect(saveTuning(device, tuningStore(blocked))).rejects.toThrow();
  });

  test("is the user's cache by default", () => {
    vi.stubEnv("XDG_CACHE_HOME", folder);
    expect(tuningStore().where).toBe(join(folder, "dilated", "tuning"));
    vi.stubEnv("XDG_CACHE_HOME", "");
    expect(tuningStore().where.startsWith(homedir())).toBe(true);
  });
});

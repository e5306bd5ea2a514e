import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { assets } from "@dilated-internal/config/tsup";
import { build } from "tsup";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readStateDict } from "../checkpoint/read-weights.ts";
import { weightsOf } from "../checkpoint/test-utils/weights.ts";
import { writeWeights } from "../checkpoint/write-weights.ts";
import { readCheckpoint } from "./file-store.ts";
import { openFolder } from "./folder.ts";
import { temporaryFolder } from "./test-utils/temporary.ts";

// What only processes of their own can show: that a kill in the middle of a save leaves a whole checkpoint, and that
// two take turns.
const folder = mkdtempSync(join(tmpdir(), "dilated-kill-"));
const program = join(folder, "save.mjs");

beforeAll(async () => {
  await build({
    entry: { bundle: fileURLToPath(new URL("./test-utils/programs.ts", import.meta.url)) },
    tsconfig: fileURLToPath(new URL("../../tsconfig.json", import.meta.url)),
    config: false,
    silent: true,
    format: ["esm"],
    target: "es2022",
    platform: "node",
    outDir: folder,
    outExtension: () => ({ js: ".mjs" }),
    external: ["webgpu"],
    noExternal: [/^@dilated\//, "#platform"],
    esbuildPlugins: [assets],
    esbuildOptions: (options) => {
      options.conditions = ["@dilated/source", "node"];
    },
  });
  writeFileSync(
    program,
    'import * as all from "./bundle.mjs";\nawait all[process.argv[2]](process.argv[3], ...process.argv.slice(4).map(Number));\n',
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Milliseconds. */
const DELAYS = [0, 3, 7, 11, 16, 22, 31, 43];

/**
 * Starts to save at `first`, and kills the process `delay` ms after its first save; the last value that it said was
 * saved.
 */
function killAfter(target: string, first: number, delay: number): Promise<number> {
  const child = spawn(process.execPath, [program, "saveForever", target, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (said === "") setTimeout(() => child.kill("SIGKILL"), delay);
      said += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (_, signal) =>
      signal === "SIGKILL"
        ? resolve(Number(said.trim().split("\n").at(-1)))
        : reject(new Error(`ended by itself, having said ${said}`)),
    );
  });
}

it("a process killed while it saves leaves the last checkpoint whole, and the next process goes on", async () => {
  const target = join(folder, "run");
  let first = 1;
  let cut = 0;
  // Where all of a busy machine's kills happen to come between two saves, it tries again.
  for (let i = 0; i < DELAYS.length || (cut === 0 && i < 5 * DELAYS.length); i++) {
    const delay = DELAYS[i % DELAYS.length] as number;
    const saved = await killAfter(target, first, delay);
    cut += readdirSync(target).filter((name) => name.endsWith(".partial")).length;
    const state = await readStateDict(openFolder(target));
    const values = new Set([...state.values()].map(({ data }) => new Set(data)).flatMap((one) => [...one]));
    expect(state.size).toBe(5);
    expect(values.size).toBe(1);
    expect([saved, saved + 1]).toContain([...values][0]);
    const checkpoint = new Set(await readCheckpoint(target));
    expect(checkpoint.size).toBe(1);
    expect([saved, saved + 1].map((value) => value % 256)).toContain([...checkpoint][0]);
    first = saved + 2;
  }
  expect(cut).toBeGreaterThan(0); // or no kill came in the middle of a save, and this shows nothing
});

const PAIRS = 100;

/** Saves and reads beside whatever else does; what was read, in order. */
async function saveBeside(target: string, first: number): Promise<number[]> {
  const store = openFolder(target);
  const seen: number[] = [];
  for (let i = 0; i < PAIRS; i++) {
    const value = first + 2 * i;
    const saving = writeWeights(store, weightsOf(value), { maxShardBytes: i % 2 === 0 ? 32 : 1e9 });
    for (let read = 0; read < 2; read++) {
      if (read > 0) await saving;
      const state = await readStateDict(openFolder(target));
      const values = new Set([...state.values()].flatMap(({ data }) => [...data]));
      expect([state.size, values.size]).toEqual([5, 1]);
      seen.push(...values);
    }
  }
  return seen;
}

it(`${PAIRS} saves of one process and ${PAIRS} of another, and reads meanwhile: none fails, each read sees one save`, async () => {
  const target = join(await temporaryFolder(), "a folder, 鯨");
  await writeWeights(openFolder(target), weightsOf(0));
  const child = spawn(process.execPath, [program, "saveTimes", target, "1", String(PAIRS)], { stdio: "pipe" });
  const said = Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  await once(child.stdout, "readable");
  const seen = await saveBeside(target, 2);
  const [out, errors, [code]] = await said;
  expect([errors, code]).toEqual(["", 0]);
  expect(out.trim().split("\n")).toHaveLength(PAIRS);
  expect(seen.some((value) => value % 2 === 1)).toBe(true); // or the two were not at it together
  expect(readdirSync(target).filter((name) => !name.startsWith("model"))).toEqual([]);
  rmSync(dirname(target), { recursive: true });
});

it(`${PAIRS} pairs of saves at once in one process, and reads meanwhile`, async () => {
  const target = await temporaryFolder();
  await writeWeights(openFolder(target), weightsOf(0));
  await Promise.all([saveBeside(target, 1), saveBeside(target, 2)]);
  expect(readdirSync(target).filter((name) => !name.startsWith("model"))).toEqual([]);
  rmSync(target, { recursive: true });
});

it("2,000 steps of training and 50 openings of a device take no more memory late than early, and the process ends by itself", async () => {
  const child = spawn(process.execPath, ["--expose-gc", program, "soak", folder, "2000", "50"], { stdio: "pipe" });
  const [out, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  expect([errors, code]).toEqual(["", 0]);
  const [early, late, first, last] = JSON.parse(out) as [live: number, resident: number][];
  expect(late?.[0]).toBe(early?.[0]);
  // What V8 compiles late and what malloc keeps. 1,500 steps that kept 32 kB each, or 40 devices that kept their 4 MiB
  // one time in three, would show.
  const slack = 48 * 2 ** 20;
  expect((late?.[1] ?? 0) - (early?.[1] ?? 0)).toBeLessThan(slack);
  expect((last?.[1] ?? 0) - (first?.[1] ?? 0)).toBeLessThan(slack);
});

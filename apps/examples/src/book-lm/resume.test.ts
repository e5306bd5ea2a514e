import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { readCheckpoint, readMetrics } from "@dilated/models/node";
import { program } from "@dilated-internal/config/tsup";
import { build } from "tsup";
import { afterAll, beforeAll, expect, test } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url));
// Inside the app, so that the bundle finds what it does not hold: the book.
const bundle = join(here, "../../node_modules/.resume-test");
const small = ["--backend", "wasm", "--seq", "64", "--dim", "16", "--layers", "1", "--steps", "50"];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "book-lm-resume-"));
  await build({
    ...program({ child: join(here, "test-utils/child.ts") }),
    config: false,
    silent: true,
    outDir: bundle,
    sourcemap: false,
    noExternal: [/^@dilated\//],
    esbuildOptions: (options) => {
      options.conditions = ["@dilated/source"];
    },
  });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(bundle, { recursive: true, force: true });
});

function start(args: readonly string[], hangAt?: number): ChildProcess {
  const env = { ...process.env, HANG_AT: String(hangAt) };
  return spawn(process.execPath, [join(bundle, "child.js"), ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
}

/** Waits until the child says that it is ready, and kills it with SIGKILL, which no process can catch. */
async function killWhenReady(child: ChildProcess, delay = 0): Promise<void> {
  const exit = once(child, "exit");
  for await (const line of createInterface(child.stdout as Readable)) if (line === "ready to be killed") break;
  await new Promise((resolve) => setTimeout(resolve, delay));
  child.kill("SIGKILL");
  expect((await exit)[1]).toBe("SIGKILL");
}

async function losses(name: string): Promise<(number | null)[]> {
  const records = await readMetrics(join(folder, `${name}.jsonl`));
  expect(records.map(({ step }) => step)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1)); // each step once
  return records.map(({ loss }) => loss);
}

test.each([
  ["plain", []],
  ["everything", ["--accumulate", "2", "--precision", "mixed", "--ema", "0.9"]],
])("50 steps = 25 + kill -9 + 25, to the bit: %s", async (name, options) => {
  const train = (to: string, ...more: string[]) => [
    ...["train", ...small, ...options, ...more],
    ...["--checkpoint", join(folder, to), "--metrics", join(folder, `${to}.jsonl`)],
  ];
  const whole = once(start(train(`${name}-whole`)), "exit");
  // Behind the checkpoint of step 25, with steps in the log that the checkpoint does not have.
  await killWhenReady(start(train(`${name}-killed`), 31));
  expect(await readMetrics(join(folder, `${name}-killed.jsonl`))).toHaveLength(31);
  expect(await once(start(train(`${name}-killed`, "--resume")), "exit")).toEqual([0, null]);
  expect(await whole).toEqual([0, null]);
  const [expected, found] = [await losses(`${name}-whole`), await losses(`${name}-killed`)];
  expect(found).toEqual(expected);
  expect(expected.at(-1)).toBeLessThan((expected[0] ?? 0) - 1);
  const files = await Promise.all([`${name}-whole`, `${name}-killed`].map((run) => readCheckpoint(join(folder, run))));
  expect(Buffer.compare(files[0] as Uint8Array, files[1] as Uint8Array)).toBe(0); // weights, moments and averages, too
});

test("a process killed while it saves leaves a whole checkpoint", async () => {
  for (const delay of [0, 3, 7, 12, 20]) {
    const to = join(folder, `saves-${delay}`);
    await killWhenReady(start(["save", to]), delay);
    const bytes = (await readCheckpoint(to)) as Uint8Array;
    expect(bytes.length).toBe(2 ** 22);
    expect(bytes.every((value) => value === bytes[0])).toBe(true);
  }
});

import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AbortedError, FeatureError } from "@dilated/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fetchPackaged } from "./debian.ts";
import { LAMBDA, loadPackaged } from "./genomes.ts";

let cache: string;
const path = process.env.PATH;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "cache-"));
});
afterEach(async () => {
  process.env.PATH = path;
  await rm(cache, { recursive: true });
});

test("without apt-get the error names --fasta, and leaves nothing behind", async () => {
  process.env.PATH = cache;
  const fetched = fetchPackaged(LAMBDA.file, cache);
  await expect(fetched).rejects.toBeInstanceOf(FeatureError);
  await expect(fetched).rejects.toThrow(/bowtie2-examples cannot be fetched.*apt-get.*--fasta FILE/s);
  expect(await readdir(cache)).toEqual([]);
});

test("a signal stops it", async () => {
  const stopped = fetchPackaged(LAMBDA.file, cache, AbortSignal.abort());
  await expect(stopped).rejects.toBeInstanceOf(AbortedError);
});

const online = (() => {
  try {
    execFileSync("apt-get", ["download", "--print-uris", LAMBDA.file.package], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

test.skipIf(!online)("phage lambda comes out of its package, once", async () => {
  const [phage] = await loadPackaged(LAMBDA, cache);
  expect(phage?.bases).toHaveLength(48_502);
  expect([...(phage?.bases.subarray(0, 8) ?? [])]).toEqual([2, 2, 2, 1, 2, 2, 1, 2]); // GGGCGGCG
  process.env.PATH = cache; // no apt-get any more
  expect((await loadPackaged(LAMBDA, cache))[0]?.bases).toHaveLength(48_502);
});

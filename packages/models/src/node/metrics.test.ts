import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "@dilated/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openMetrics, readMetrics } from "./metrics.ts";
import { stepReport } from "./test-utils/reports.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "dilated-"));
  path = join(folder, "deep", "run.jsonl");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const stepsIn = async () => (await readMetrics(path)).map(({ step }) => step);

test("one object a line, with the numbers of the report", async () => {
  const log = await openMetrics(path);
  await log.append(stepReport(1, { evaluation: { heldOut: 2.5 } }));
  await log.append(stepReport(2, { gradNorm: Number.NaN, skipped: true, lossScale: 1024 }));
  await log.close();
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  expect(JSON.parse(lines[0] as string)).toMatchObject({ step: 1, steps: 100, evaluation: { heldOut: 2.5 } });
  expect(JSON.parse(lines[1] as string)).toMatchObject({ gradNorm: null, skipped: true, lossScale: 1024 });
  expect(JSON.parse(lines[0] as string)).not.toHaveProperty("state");
  expect(await readMetrics(path)).toEqual(log.records);
});

test("a crash in the middle of a line loses that line only, and no step is there twice", async () => {
  const log = await openMetrics(path);
  for (const step of [1, 2, 3, 4, 5]) await log.append(stepReport(step));
  await log.close();
  await appendFile(path, '{"step":6,"lo');
  expect(await stepsIn()).toEqual([1, 2, 3, 4, 5]);

  const resumed = await openMetrics(path, { after: 3 }); // the checkpoint is older than the log
  expect(resumed.records.map(({ step }) => step)).toEqual([1, 2, 3]);
  for (const step of [4, 5, 6]) await resumed.append(stepReport(step));
  await resumed.close();
  expect(await stepsIn()).toEqual([1, 2, 3, 4, 5, 6]);

  await (await openMetrics(path)).close();
  expect(await stepsIn()).toEqual([]);
});

test("refuses a file that is something else, and leaves it alone", async () => {
  expect(await readMetrics(path)).toEqual([]);
  path = join(folder, "notes.txt");
  await writeFile(path, "dear diary\n");
  await expect(openMetrics(path)).rejects.toThrow(FormatError);
  await expect(readMetrics(path)).rejects.toThrow(/line 1/);
  expect(await readFile(path, "utf8")).toBe("dear diary\n");
});

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";

const report = "node_modules/.cache/dilated/vitest.json";

/** Runs `npm test` and counts its tests. */
export function runTests() {
  mkdirSync(dirname(report), { recursive: true });
  rmSync(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { status } = spawnSync("npm", ["test", "--silent", "--", ...reporters], {
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
    timeout: 60 * 60_000,
  });
  return count(status, read());
}

function read() {
  try {
    return JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return undefined; // vitest did not get as far as a report
  }
}

/**
 * Counts passed and failed tests. A file that fails before its first test counts as one failure, and so does a run that ends badly
 * with every test green (an unhandled rejection, a crash).
 * @param {number | null} status
 * @param {Report | undefined} report
 * @typedef {{ status: string, assertionResults: { status: string }[] }} FileReport
 * @typedef {{ numPassedTests: number, numFailedTests: number, testResults: FileReport[] }} Report
 */
export function count(status, report) {
  if (report === undefined) return { passed: 0, failed: 1 };
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  const failed = report.numFailedTests + broken.length;
  return { passed: report.numPassedTests, failed: failed === 0 && status !== 0 ? 1 : failed };
}

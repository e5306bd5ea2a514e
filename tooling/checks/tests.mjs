import { readFileSync } from "node:fs";

/**
 * What vitest's JSON reporter wrote.
 * @param {string} file
 * @returns {Report | undefined}
 */
export function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
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

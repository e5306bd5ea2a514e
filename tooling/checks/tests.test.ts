import { describe, expect, it } from "vitest";
import { count } from "./tests.mjs";

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((result) => ({ status: result })),
});

describe("count", () => {
  it("takes the reporter's numbers when all is well", () => {
    const report = { numPassedTests: 2, numFailedTests: 0, testResults: [file("passed", "passed", "passed")] };
    expect(count(0, report)).toEqual({ passed: 2, failed: 0 });
  });

  it("does not count a file twice when its tests failed", () => {
    const report = { numPassedTests: 1, numFailedTests: 1, testResults: [file("failed", "passed", "failed")] };
    expect(count(1, report)).toEqual({ passed: 1, failed: 1 });
  });

  it("counts a file that cannot be imported as a failure", () => {
    const report = { numPassedTests: 1, numFailedTests: 0, testResults: [file("passed", "passed"), file("failed")] };
    expect(count(1, report)).toEqual({ passed: 1, failed: 1 });
  });

  it("counts a bad ending with green tests, and a run without a report, as a failure", () => {
    const report = { numPassedTests: 1, numFailedTests: 0, testResults: [file("passed", "passed")] };
    expect(count(1, report)).toEqual({ passed: 1, failed: 1 });
    expect(count(null, undefined)).toEqual({ passed: 0, failed: 1 });
  });
});

import { AbortedError, ConfigError } from "@dilated/core";
import { afterEach, expect, test, vi } from "vitest";
import { runProgram } from "./program.ts";

afterEach(() => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

/** What a program that ends with this error prints, and its exit status. */
async function endWith(error: unknown): Promise<[string, unknown]> {
  const print = vi.spyOn(console, "error").mockReturnValue();
  await runProgram(() => Promise.reject(error));
  return [String(print.mock.lastCall?.[0]), process.exitCode];
}

test("errors of ours print their values and the fix, others their stack", async () => {
  const [ours, status] = await endWith(new ConfigError("x: bad", { details: ["--a 1"], fix: "use 2" }));
  expect([ours, status]).toEqual(["\nx: bad\n  --a 1\nFix: use 2", 1]);
  const [other] = await endWith(new TypeError("oops"));
  expect(other).toMatch(/TypeError: oops\n +at /);
});

test("an interrupt aborts the signal, says so in one line, and exits with 130", async () => {
  const print = vi.spyOn(console, "error").mockReturnValue();
  await runProgram(async (_, signal) => {
    process.emit("SIGINT");
    expect(signal.aborted).toBe(true);
    throw new AbortedError("train: stopped", { cause: signal.reason, fix: "resume" });
  });
  expect([print.mock.calls[0]?.[0], process.exitCode]).toEqual(["\ntrain: stopped", 130]);
  expect(process.listenerCount("SIGINT")).toBe(0);
});

// Runs the checks, which are the `check:*` scripts of package.json, and counts them.
//
//   npm run check [-- [--tests REPORT STATUS] [NAME...]]      --tests counts what `npm test` reported (vitest's JSON) and how it ended, too
//
// The last line is `N passed, N failed`.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { count, readReport } from "./tests.mjs";

const args = process.argv.slice(2);
const [, report = "", status = ""] = args[0] === "--tests" ? args.splice(0, 3) : [];
const named = args;
const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
const known = Object.keys(scripts).flatMap((key) => (key.startsWith("check:") ? [key.slice("check:".length)] : []));
const unknown = named.filter((name) => !known.includes(name));
if (unknown.length > 0) throw new Error(`no such check: ${unknown.join(", ")}; there are: ${known.join(", ")}`);

const tally = report === "" ? { passed: 0, failed: 0 } : count(Number(status || 1), readReport(report));
/** @type {string[]} */
const lines = [];
for (const name of named.length > 0 ? named : known) {
  console.log(`\n--- ${name}: ${scripts[`check:${name}`]}`);
  const started = Date.now();
  const { status } = spawnSync("pnpm", ["run", "--silent", `check:${name}`], {
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
    timeout: 10 * 60_000,
  });
  tally[status === 0 ? "passed" : "failed"]++;
  lines.push(`${status === 0 ? "PASS" : "FAIL"} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}

console.log(`\n${lines.join("\n")}\n\n${tally.passed} passed, ${tally.failed} failed`);
process.exitCode = tally.failed > 0 ? 1 : 0;

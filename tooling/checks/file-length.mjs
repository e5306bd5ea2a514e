// No file of ours is over 500 lines.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const LONGEST = 500;

const listed = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "packages", "apps", "tooling"],
  {
    encoding: "utf8",
  },
);
const lengths = listed
  .split("\n")
  .filter((file) => /\.(ts|tsx|mjs|wgsl)$/.test(file) && existsSync(file)) // git still lists a deleted file
  .map((file) => ({ file, lines: readFileSync(file, "utf8").split("\n").length - 1 }))
  .sort((a, b) => b.lines - a.lines);
const long = lengths.filter(({ lines }) => lines > LONGEST);

console.log(
  `${lengths.length} files, median ${lengths[lengths.length >> 1]?.lines ?? 0} lines, longest ${lengths[0]?.lines ?? 0}`,
);
for (const { file, lines } of long) console.error(`${file} has ${lines} lines; ${LONGEST} is the limit`);
process.exitCode = long.length > 0 ? 1 : 0;

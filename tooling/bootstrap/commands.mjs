// What `npm start`, `npm test`, `npm run example`, `npm run interop`, `npm run parity`, `npm run bench` and `npm run check` each need and run.
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Command
 * @property {string[]} packages pnpm filters: what gets installed beside the workspace root.
 * @property {string[]} build turbo filters: what gets built.
 * @property {string} program The file that Node runs, relative to the root; NAME in it stands for the user's first argument.
 * @property {readonly string[]} [names] What NAME may be.
 * @property {string[]} [first] Arguments before the user's.
 * @property {Readonly<Record<string, string[]>>} [short] Arguments of the user that stand for others.
 * @property {boolean} [atRoot] Runs in the root, not in the folder where npm was called.
 */

const everything = ["*", "!@dilated-internal/bench-peers"]; // the peers are heavy, and only benchmarks compare with them

const examples = { packages: ["@dilated-internal/examples..."], build: ["@dilated-internal/examples"] };

/** @type {Record<string, Command>} */
export const commands = {
  start: { ...examples, program: "apps/examples/dist/book-lm/main.js" },
  example: { ...examples, program: "apps/examples/dist/NAME/main.js", names: programsIn("apps/examples/src") },
  // A page: served, not run.
  interop: {
    packages: ["@dilated-internal/interop..."],
    build: ["@dilated/models"],
    program: "apps/interop/node_modules/vite/bin/vite.js",
    first: ["apps/interop"],
    atRoot: true,
  },
  parity: {
    packages: ["@dilated-internal/bench..."],
    build: ["@dilated-internal/bench"],
    program: "apps/bench/dist/parity.js",
  },
  // Attention against the oracle on this machine's device, in the tier and dtype asked for.
  verify: {
    packages: ["@dilated-internal/bench..."],
    build: ["@dilated-internal/bench"],
    program: "apps/bench/dist/verify.js",
  },
  bench: {
    packages: ["@dilated-internal/bench...", "@dilated-internal/bench-peers"],
    build: ["@dilated-internal/bench"],
    program: "apps/bench/dist/bench.js",
  },
  // Tests import the sources, so nothing is built for them.
  test: {
    packages: everything,
    build: [],
    program: "node_modules/vitest/vitest.mjs",
    first: ["run"],
    short: { "--quick": ["unit", "alone", "wasm"].flatMap((name) => ["--project", name]) },
    atRoot: true,
  },
  check: { packages: everything, build: [], program: "tooling/checks/run.mjs", atRoot: true },
};

/**
 * Reads `COMMAND [--] [ARGUMENT...]`. Everything behind the command belongs to the program, untouched; one leading `--` is npm's.
 * @param {readonly string[]} argv
 * @returns {{ command: Command, args: string[] }}
 */
export function parse([name, ...rest]) {
  const command = name === undefined ? undefined : Object.entries(commands).find(([key]) => key === name)?.[1];
  if (command === undefined) throw new UsageError("command", name, Object.keys(commands));
  const args = rest[0] === "--" ? rest.slice(1) : rest;
  if (!command.names) return { command, args };
  const [which, ...others] = args;
  if (which === undefined || !command.names.includes(which)) throw new UsageError(String(name), which, command.names);
  return { command: { ...command, program: command.program.replace("NAME", which) }, args: others };
}

/** A command line that names nothing that there is. */
export class UsageError extends Error {
  /**
   * @param {string} what
   * @param {string | undefined} name
   * @param {readonly string[]} known
   */
  constructor(what, name, known) {
    super(`unknown ${what} ${name ?? "(none)"}; there are: ${known.join(", ")}`);
  }
}

/**
 * The folders of programs: those with a main.ts.
 * @param {string} folder relative to the root
 */
function programsIn(folder) {
  const path = fileURLToPath(new URL(`../../${folder}`, import.meta.url));
  return readdirSync(path)
    .filter((name) => existsSync(`${path}/${name}/main.ts`))
    .sort();
}

/**
 * What to spawn for a command. Relative files in the arguments mean the folder in which the user called npm (INIT_CWD), so a program
 * runs there.
 * @param {Command} command
 * @param {string[]} args
 * @param {{ root: string, invokedFrom: string }} place
 */
export function invocation({ program, first = [], short = {}, atRoot }, args, { root, invokedFrom }) {
  const long = args.flatMap((arg) => short[arg] ?? [arg]);
  return { args: [`${root}/${program}`, ...first, ...long], cwd: atRoot ? root : invokedFrom };
}

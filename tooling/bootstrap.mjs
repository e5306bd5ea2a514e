// The way into the workspace with nothing but Node and npm: installs what a command needs, builds it, runs it.
//
//   node tooling/bootstrap.mjs start | example NAME | test | parity | bench | check [ARGUMENT...]
import { fileURLToPath } from "node:url";
import { invocation, parse, UsageError } from "./bootstrap/commands.mjs";
import { install } from "./bootstrap/install.mjs";
import { pathWithPnpm } from "./bootstrap/pnpm.mjs";
import { run } from "./bootstrap/run.mjs";

const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 20) {
  console.error(`Node ${process.versions.node} is too old: this workspace needs Node 20 or newer.`);
  process.exit(1);
}

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");
const { command, args } = parsed();
Object.assign(process.env, { PATH: pathWithPnpm(root), TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" });

install(root, command.packages);
if (command.build.length > 0) {
  const filters = command.build.flatMap((name) => ["--filter", name]);
  const quiet = ["--output-logs=errors-only", "--no-update-notifier"];
  run("pnpm", ["exec", "turbo", "run", "build", ...filters, ...quiet], { cwd: root });
}
const program = invocation(command, args, { root, invokedFrom: process.env.INIT_CWD ?? process.cwd() });
run(process.execPath, program.args, { cwd: program.cwd });

function parsed() {
  try {
    return parse(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}

import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const configs = ["package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml", "turbo.json", "tsconfig.base.json"];

/** What each check said that was not content. */
export interface Complaints {
  readonly depcruise?: string;
  readonly boundaries?: string;
}

/** A temporary workspace with this one's manifests and configurations, and one empty module a package. */
export interface Skeleton {
  /** Writes a source file. */
  readonly plant: (file: string, text: string) => void;
  /** Reads a file of the skeleton. */
  readonly read: (file: string) => string;
  /** Runs both graph checks; returns everything they say, or undefined when they are content. */
  readonly complaints: () => Complaints;
  /** Runs turbo's check alone. */
  readonly boundaries: () => string | undefined;
  readonly remove: () => void;
}

export function createSkeleton(): Skeleton {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dilated-graph-")));
  const plant = (file: string, text: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  const boundaries = (): string | undefined => run(folder, "turbo", ["boundaries", "--no-color"]);
  for (const file of configs) cpSync(join(root, file), join(folder, file));
  for (const name of readdirSync(join(root, "packages"))) {
    for (const file of ["package.json", "turbo.json"])
      cpSync(join(root, "packages", name, file), join(folder, "packages", name, file));
    plant(`packages/${name}/src/index.ts`, `export const ${name} = 1;\n`);
    link(folder, name);
  }
  return {
    plant,
    read: (file) => readFileSync(join(folder, file), "utf8"),
    complaints: () => ({
      ...said("depcruise", run(folder, "depcruise", ["--config", `${root}tooling/dependency-cruiser.mjs`, "packages"])),
      ...said("boundaries", boundaries()),
    }),
    boundaries,
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** What pnpm would link, for every package to find: the rules have to hold without its help. */
function link(folder: string, name: string): void {
  const published: string = JSON.parse(readFileSync(join(folder, "packages", name, "package.json"), "utf8")).name;
  const target = join(folder, "node_modules", published);
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(join(folder, "packages", name), target);
}

function said(check: string, output: string | undefined): Record<string, string> {
  return output === undefined ? {} : { [check]: output };
}

function run(cwd: string, tool: string, args: string[]): string | undefined {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };
  try {
    execFileSync(join(root, "node_modules/.bin", tool), args, { cwd, env, encoding: "utf8", stdio: "pipe" });
    return undefined;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return `${stdout}${stderr}`;
  }
}

// Two builds of the library beside each other, each with the tasks of src/compare/side.ts, and the program that runs them in turn:
//   COMPARE_A=8f2c32a COMPARE_B=HEAD npm run bench:compare       then, on the GPU machine:  node compare.mjs
// Sources are taken out of git, so that nothing of a commit has to be installed or built. BUNDLE_DIR names the folder.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assets, program } from "@dilated-internal/config/tsup";
import type { Options } from "tsup";

const folder = process.env.BUNDLE_DIR ?? "../../.gpu-bundle/app";
const PACKAGES = ["core", "kernels", "models"];

/** WebAssembly is not timed here: its modules stay out, and nothing has to be compiled. */
const noWasm: (typeof assets)[] = [
  {
    name: "no-wasm",
    setup(build) {
      build.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({ path, namespace: "no-wasm" }));
      build.onLoad({ filter: /.*/, namespace: "no-wasm" }, () => ({ contents: "", loader: "text" }));
    },
  },
  assets,
];

const shared: Options = {
  outDir: folder,
  outExtension: () => ({ js: ".mjs" }),
  clean: false,
  sourcemap: false,
  splitting: false,
  noExternal: [/^(?!webgpu$)/],
  external: ["webgpu"],
};

/** A folder with the packages of a revision, the tasks of this one, and node_modules that lead to both. */
function workspace(revision: string, root: string): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "compare-")));
  const packages = execFileSync("git", ["-C", root, "archive", revision, "packages"], { maxBuffer: 2 ** 28 });
  execFileSync("tar", ["-x", "-C", folder], { input: packages });
  cpSync("src", join(folder, "apps/bench/src"), { recursive: true });
  mkdirSync(join(folder, "node_modules/@dilated"), { recursive: true });
  const link = (name: string, to: string): void => {
    if (!existsSync(join(folder, "node_modules", name))) symlinkSync(to, join(folder, "node_modules", name));
  };
  for (const name of PACKAGES) {
    link(`@dilated/${name}`, join(folder, "packages", name));
    const installed = join(root, "packages", name, "node_modules");
    for (const other of readdirSync(installed).filter((entry) => !/^[.@]/.test(entry)))
      link(other, realpathSync(join(installed, other)));
  }
  return folder;
}

function side(name: "a" | "b", revision: string): Options {
  const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
  const entry = join(workspace(revision, git("rev-parse", "--show-toplevel")), "apps/bench/src/compare/side.ts");
  return {
    ...(program({ [`compare-${name}`]: entry }) as Options),
    ...shared,
    env: { DILATED_COMMIT: git("describe", "--always", revision) },
    esbuildPlugins: noWasm,
    esbuildOptions(options) {
      options.conditions = ["@dilated/source", "node", "import"];
    },
  };
}

export default [
  side("a", process.env.COMPARE_A ?? "HEAD~1"),
  side("b", process.env.COMPARE_B ?? "HEAD"),
  { ...(program({ compare: "src/compare/main.ts" }) as Options), ...shared },
];

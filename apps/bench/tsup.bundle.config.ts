// The benchmarks as one file for a machine without this repository's node_modules: `npm run bench:bundle` (BUNDLE_DIR names the folder).
// It imports the sources, and finds the PyTorch peer in peers/ beside itself; only `webgpu` has to be installed next to it.
import { execSync } from "node:child_process";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { program } from "@dilated-internal/config/tsup";
import type { Options } from "tsup";

const folder = process.env.BUNDLE_DIR ?? "../../.gpu-bundle/app";

export default {
  ...(program({ bench: "src/bench/main.ts", parity: "src/parity/main.ts" }) as Options),
  env: { DILATED_COMMIT: execSync("git describe --always --dirty", { encoding: "utf8" }).trim() },
  outDir: folder,
  outExtension: () => ({ js: ".mjs" }),
  clean: false,
  sourcemap: false,
  splitting: false,
  noExternal: [/^(?!(webgpu|canvas)$)/],
  external: ["webgpu", "canvas"],
  esbuildOptions(options) {
    options.conditions = ["@dilated/source", "node", "import"];
  },
  onSuccess: () => cp("peers/pytorch", join(folder, "peers/pytorch"), { recursive: true }),
} satisfies Options;

import { defaultClientConditions, defaultServerConditions } from "vite";
import type { TestProjectInlineConfiguration } from "vitest/config";
import { findAdapter } from "../adapter/find.mjs";
import { OUTPUT, writeBlocks } from "../docs/blocks.mjs";
import { assets } from "./assets.ts";
import { browserOptions, findChromium, isolation } from "./browser.ts";
import { unavailable } from "./unavailable.ts";

type Project = TestProjectInlineConfiguration;

const source = "@dilated/source";
const onNode = [source, ...defaultServerConditions];
const node: Project = {
  plugins: [assets()],
  resolve: { conditions: onNode },
  ssr: { resolve: { conditions: onNode, externalConditions: [source, "node"] } },
};
/** Catches what hangs, and nothing else: how long a test takes says how busy the machine is. */
const limits = { testTimeout: 600_000, hookTimeout: 600_000 };
const device = { ...limits, include: ["packages/*/src/**/*.device.test.ts"] };

/** Everything that needs no device. */
export function unit(): Project {
  return {
    ...node,
    test: {
      ...limits,
      name: "unit",
      include: ["{packages,apps,tooling}/**/*.test.ts"],
      exclude: ["**/node_modules/**", "**/dist/**", "**/.docs/**", "**/*.{device,browser,page}.test.ts"],
    },
  };
}

/** Every ```ts block of the documentation, run as a user's program would be. */
export function docs(): Project {
  writeBlocks(process.cwd());
  return { ...node, test: { name: "docs", include: [`${OUTPUT}/*.test.ts`], ...limits } };
}

/** The device tests on the CPU. */
export function wasm(): Project {
  return { ...node, test: { ...device, name: "wasm", provide: { backend: "wasm" } } };
}

/** The device tests in Node, on Dawn. */
export function webgpu(): Project {
  const adapter = findAdapter();
  if (adapter === undefined) return unavailable("webgpu", "Dawn finds no adapter: no GPU, no lavapipe, no SwiftShader");
  console.info(`webgpu: ${adapter.info.description || adapter.info.architecture}`);
  // One process at a time: several Dawn instances on one software adapter only slow each other down.
  const alone = { pool: "forks", maxWorkers: 1, env: adapter.env } as const;
  return { ...node, test: { ...device, ...alone, name: "webgpu", provide: { backend: "webgpu" } } };
}

/** The device tests in Chromium, on both backends. */
export function browser(): Project {
  const chromium = findChromium();
  if (chromium === undefined)
    return unavailable("browser", "there is no Chromium: install one or set DILATED_CHROMIUM");
  return {
    plugins: [assets()],
    resolve: { conditions: [source, ...defaultClientConditions] },
    server: { headers: isolation },
    optimizeDeps: { exclude: ["onnxruntime-web"] }, // one file that finds its WebAssembly beside itself
    test: {
      ...device,
      include: [...device.include, "apps/*/src/**/*.browser.test.ts"],
      name: "browser",
      browser: browserOptions("browser", chromium),
    },
  };
}

/** A page as most servers send it, without cross-origin isolation: one WebAssembly thread, which is the page's own. */
export function page(): Project {
  const chromium = findChromium();
  if (chromium === undefined) return unavailable("page", "there is no Chromium: install one or set DILATED_CHROMIUM");
  return {
    plugins: [assets()],
    resolve: { conditions: [source, ...defaultClientConditions] },
    test: {
      ...device,
      include: ["packages/*/src/**/*.page.test.ts"],
      name: "page",
      browser: browserOptions("page", chromium, ["wasm"]),
    },
  };
}

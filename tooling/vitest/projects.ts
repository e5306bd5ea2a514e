import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defaultClientConditions, defaultServerConditions } from "vite";
import type { TestProjectInlineConfiguration } from "vitest/config";
import { findAdapter } from "../adapter/find.mjs";
import { OUTPUT, writeBlocks } from "../docs/blocks.mjs";
import { assets } from "./assets.ts";
import { browserOptions, findChromium, isolation } from "./browser.ts";
import {
  ALONE,
  BINDINGS,
  DEVICE_TESTS,
  IN_BROWSER,
  IN_OTHER_BROWSERS,
  NOT_IN_OTHER_BROWSERS,
  NOT_ON_WEBGPU,
  PROGRAMS,
  RANDOM,
} from "./device-tests.ts";
import { launchedBrowser } from "./launched-browser.ts";
import { findFirefox, findWebKit, NOT_FOUND } from "./other-browsers.ts";
import { unavailable } from "./unavailable.ts";

type Project = TestProjectInlineConfiguration;

const source = "@dilated/source";
/**
 * The kernels' tests import the kit, which imports the kernels: a circle that no two manifests may declare, so the name
 * is resolved here, and for the compiler in tsconfig.base.json. Packages above the kernels may declare it.
 */
const alias = { "@dilated-internal/attention-kit": fileURLToPath(new URL("../attention-kit/src", import.meta.url)) };
const onNode = [source, ...defaultServerConditions];
const node: Project = {
  plugins: [assets()],
  resolve: { conditions: onNode, alias },
  ssr: { resolve: { conditions: onNode, externalConditions: [source, "node"] } },
};
/** First what needs no GPU, a process for each core. Vitest wants one number of workers in a group. */
const ON_CORES = { maxWorkers: availableParallelism(), sequence: { groupOrder: 0 } };
/**
 * Then, beside each other, the pages of Chromium and Dawn in one process: several on one software adapter only slow
 * each other down.
 */
const ON_A_GPU = { maxWorkers: 1, sequence: { groupOrder: 1 } };
const common = {
  // Catches what hangs, and nothing else: how long a test takes says how busy the machine is.
  testTimeout: 600_000,
  hookTimeout: 600_000,
};
/**
 * A process or page keeps its modules, and what they compiled, from file to file: many files take longer to import than
 * to run.
 */
const KEEP_MODULES = {
  isolate: false,
  // As an external module it brings the vitest that its own package is given, which takes the matchers of snapshots
  // over.
  server: { deps: { inline: ["@fast-check/vitest"] } },
};
const device = { ...common, ...KEEP_MODULES, include: DEVICE_TESTS };

/**
 * Without lavapipe's optimiser emulated matrix kernels compile in a third of the time, others in about the same. Read
 * when the driver is loaded.
 */
const COMPILE_QUICKLY = { GALLIVM_PERF: "nopt" };

const NO_SOURCES = ["**/node_modules/**", "**/dist/**", "**/.docs/**"];

/** Everything that needs no device. */
export function unit(): Project {
  return {
    ...node,
    test: {
      ...common,
      ...ON_CORES,
      ...KEEP_MODULES,
      name: "unit",
      include: ["{packages,apps,tooling}/**/*.test.ts"],
      exclude: [...NO_SOURCES, "**/*.{device,browser,page}.test.ts", ...ALONE, ...PROGRAMS],
    },
  };
}

/** Those of them that want a process of their own. */
export function alone(): Project {
  return { ...node, test: { ...common, ...ON_CORES, name: "alone", include: ALONE } };
}

/** Whole programs and processes of their own: what takes long, and is not for a quick look. */
export function programs(): Project {
  return { ...node, test: { ...common, ...ON_CORES, name: "programs", include: PROGRAMS } };
}

/** Every ```ts block of the documentation, run as a user's program would be. */
export function docs(): Project {
  writeBlocks(process.cwd());
  return { ...node, test: { ...common, ...ON_CORES, ...KEEP_MODULES, name: "docs", include: [`${OUTPUT}/*.test.ts`] } };
}

/** The device tests on the CPU; here, where all of them run, with a look at what each leaves behind. */
export function wasm(): Project {
  const setupFiles = "tooling/testing/src/leaks.ts";
  return {
    ...node,
    test: {
      ...device,
      ...ON_CORES,
      setupFiles,
      name: "wasm",
      provide: { backend: "wasm", random: RANDOM, bindings: BINDINGS },
    },
  };
}

/** The device tests in Node, on Dawn. */
export function webgpu(): Project {
  const adapter = findAdapter();
  if (adapter === undefined) return unavailable("webgpu", "Dawn finds no adapter: no GPU, no lavapipe, no SwiftShader");
  console.info(`webgpu: ${adapter.info.description || adapter.info.architecture}`);
  const env = { ...COMPILE_QUICKLY, ...adapter.env };
  return {
    ...node,
    test: {
      ...device,
      ...ON_A_GPU,
      env,
      exclude: NOT_ON_WEBGPU,
      name: "webgpu",
      provide: { backend: "webgpu", random: RANDOM, bindings: BINDINGS },
    },
  };
}

/** The device tests in Chromium, on both backends. */
export function browser(): Project {
  const chromium = findChromium();
  if (chromium === undefined)
    return unavailable("browser", "there is no Chromium: install one or set DILATED_CHROMIUM");
  return {
    plugins: [assets()],
    resolve: { conditions: [source, ...defaultClientConditions], alias },
    server: { headers: isolation },
    optimizeDeps: { exclude: ["onnxruntime-web"] }, // one file that finds its WebAssembly beside itself
    test: {
      ...device,
      ...ON_A_GPU,
      include: [...IN_BROWSER, "apps/*/src/**/*.browser.test.ts"],
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
    resolve: { conditions: [source, ...defaultClientConditions], alias },
    test: {
      ...device,
      ...ON_A_GPU,
      include: ["packages/*/src/**/*.page.test.ts"],
      name: "page",
      browser: browserOptions("page", chromium, ["wasm"]),
    },
  };
}

/**
 * The engine of Safari as far as Linux has it, and Firefox, with tests of what differs between engines. They know no
 * `using`, so it is compiled away.
 */
export function otherBrowser(name: "webkit" | "firefox"): Project {
  const launch = name === "webkit" ? findWebKit() : findFirefox();
  if (launch === undefined) return unavailable(name, NOT_FOUND[name]);
  return {
    plugins: [assets()],
    resolve: { conditions: [source, ...defaultClientConditions], alias },
    oxc: { target: "es2022" },
    server: { headers: isolation },
    test: {
      ...device,
      ...ON_A_GPU,
      include: IN_OTHER_BROWSERS,
      name,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: launchedBrowser(launch),
        instances: [
          { browser: name, name: `${name} (wasm)`, exclude: NOT_IN_OTHER_BROWSERS[name], provide: { backend: "wasm" } },
        ],
      },
    },
  };
}

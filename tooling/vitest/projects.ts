import { defaultClientConditions, defaultServerConditions } from "vite";
import type { TestProjectInlineConfiguration } from "vitest/config";
import { assets } from "./assets.ts";
import { browser, isolation } from "./browser.ts";

const source = "@dilated/source";
const onNode = [source, ...defaultServerConditions];
const node = {
  plugins: [assets()],
  resolve: { conditions: onNode },
  ssr: { resolve: { conditions: onNode, externalConditions: [source, "node"] } },
};

const deviceTests = "packages/*/src/**/*.device.test.ts";

/** Everything that needs no device. */
export function unitProject(): TestProjectInlineConfiguration {
  return {
    ...node,
    test: {
      name: "unit",
      include: ["{packages,apps,tooling}/**/*.test.ts"],
      exclude: ["**/node_modules/**", "**/dist/**", "**/*.device.test.ts"],
    },
  };
}

/** The device tests, once for each place that they run in. */
export function deviceProject(name: "wasm" | "webgpu" | "browser"): TestProjectInlineConfiguration {
  const test = { name, include: [deviceTests], testTimeout: 60_000, hookTimeout: 60_000 };
  if (name === "browser")
    return {
      plugins: [assets()],
      resolve: { conditions: [source, ...defaultClientConditions] },
      server: { headers: isolation },
      test: { ...test, provide: { backend: "webgpu" }, browser },
    };
  if (name === "wasm") return { ...node, test: { ...test, provide: { backend: "wasm" } } };
  // One process at a time: several Dawn instances on one software adapter only slow each other down.
  return { ...node, test: { ...test, provide: { backend: "webgpu" }, pool: "forks", maxWorkers: 1 } };
}

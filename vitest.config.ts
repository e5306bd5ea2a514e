import { defineConfig } from "vitest/config";
import { browser, unit, wasm, webgpu } from "./tooling/vitest/projects.ts";

export default defineConfig({
  test: {
    globalSetup: "tooling/vitest/global-setup.ts",
    projects: [unit(), wasm(), webgpu(), browser()],
  },
});

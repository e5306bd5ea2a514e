import { defineConfig } from "vitest/config";
import { browser, docs, page, unit, wasm, webgpu } from "./tooling/vitest/projects.ts";

export default defineConfig({
  test: {
    globalSetup: "tooling/vitest/global-setup.ts",
    projects: [unit(), docs(), wasm(), webgpu(), browser(), page()],
  },
});

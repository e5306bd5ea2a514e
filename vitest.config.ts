import { defineConfig } from "vitest/config";
import { alone, browser, docs, otherBrowser, page, programs, unit, wasm, webgpu } from "./tooling/vitest/projects.ts";

export default defineConfig({
  test: {
    silent: "passed-only", // what a test printed counts where it fails
    globalSetup: "tooling/vitest/global-setup.ts",
    projects: [
      unit(),
      alone(),
      programs(),
      docs(),
      wasm(),
      webgpu(),
      browser(),
      page(),
      otherBrowser("webkit"),
      otherBrowser("firefox"),
    ],
  },
});

import { defineConfig } from "vitest/config";
import { deviceProject, unitProject } from "./tooling/vitest/projects.ts";

export default defineConfig({
  test: {
    globalSetup: "tooling/vitest/global-setup.ts",
    projects: [unitProject(), deviceProject("wasm"), deviceProject("webgpu"), deviceProject("browser")],
  },
});

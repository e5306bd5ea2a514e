import { afterEach, expect, it, vi } from "vitest";
import { unavailable } from "./unavailable.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it("leaves an announced, empty project where the machine cannot run one", () => {
  vi.stubEnv("DILATED_REQUIRE_WEBGPU", "");
  const warn = vi.spyOn(console, "warn").mockReturnValue();
  expect(unavailable("webgpu", "no adapter").test).toEqual({ name: "webgpu", include: [] });
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('"webgpu" is SKIPPED: no adapter'));
});

it("fails where the project is required", () => {
  vi.stubEnv("DILATED_REQUIRE_BROWSER", "1");
  expect(() => unavailable("browser", "no Chromium")).toThrow("DILATED_REQUIRE_BROWSER=1, but no Chromium.");
});

import type { TestProjectInlineConfiguration } from "vitest/config";

/** A project that this machine cannot run: empty and announced, or an error where DILATED_REQUIRE_WEBGPU=1 or DILATED_REQUIRE_BROWSER=1 asks for it. */
export function unavailable(
  name: "webgpu" | "browser" | "page" | "webkit" | "firefox",
  reason: string,
): TestProjectInlineConfiguration {
  const variable = `DILATED_REQUIRE_${name === "webgpu" ? "WEBGPU" : "BROWSER"}`;
  if (process.env[variable] === "1") throw new Error(`${variable}=1, but ${reason}.`);
  console.warn(`\n  The project "${name}" is SKIPPED: ${reason}.\n`);
  return { test: { name, include: [] } };
}

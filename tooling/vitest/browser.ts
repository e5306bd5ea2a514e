import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { playwright } from "@vitest/browser-playwright";
import { chromium as downloaded } from "playwright";
import type { BrowserConfigOptions } from "vitest/node";
import { NOT_IN_BROWSER, RANDOM } from "./device-tests.ts";

/** WebGPU on SwiftShader: the same adapter on every machine, without f16 and with the smallest limits. */
const flags = [
  "--no-sandbox",
  "--headless=new",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-background-networking",
];

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The Chromium to test in: DILATED_CHROMIUM, one on the PATH, or one that Playwright downloaded. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const candidates = [process.env.DILATED_CHROMIUM, ...onPath, downloaded.executablePath()];
  return candidates.find((path) => path !== undefined && existsSync(path));
}

/** A test that runs on both backends: WebAssembly's threads and memory are not the same in a page as in Node. */
const BACKENDS = ["webgpu", "wasm"] as const;

export function browserOptions(
  name: string,
  executablePath: string,
  backends: readonly (typeof BACKENDS)[number][] = BACKENDS,
): BrowserConfigOptions {
  const instances = backends.map((backend) => ({
    browser: "chromium" as const,
    name: `${name} (${backend})`,
    exclude: [...NOT_IN_BROWSER[backend]],
    provide: { backend, random: RANDOM },
  }));
  return {
    enabled: true,
    headless: true,
    screenshotFailures: false,
    instances,
    provider: playwright({ launchOptions: { executablePath, args: flags } }),
  };
}

/** What a page must answer with to be given `SharedArrayBuffer`. */
export const isolation: Record<string, string> = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

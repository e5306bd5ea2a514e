import { playwright } from "@vitest/browser-playwright";
import type { BrowserConfigOptions } from "vitest/node";

/** The Chromium that is tested: the system's own, so that nothing is downloaded. */
export const chromium: string = process.env.DILATED_CHROMIUM ?? "/usr/bin/chromium";

/** WebGPU on SwiftShader: the same adapter on every machine, without f16 and with the smallest limits. */
const flags = [
  "--no-sandbox",
  "--headless=new",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-background-networking",
];

export const browser: BrowserConfigOptions = {
  enabled: true,
  headless: true,
  screenshotFailures: false,
  instances: [{ browser: "chromium" }],
  provider: playwright({ launchOptions: { executablePath: chromium, args: flags } }),
};

/** What a page must answer with to be given `SharedArrayBuffer`. */
export const isolation: Record<string, string> = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

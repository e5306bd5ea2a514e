import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { playwright } from "@vitest/browser-playwright";
import type { BrowserProvider, BrowserProviderOption } from "vitest/node";

/** How a browser is started. */
export interface Launch {
  readonly program: string;
  /** @param folder - an empty one, for what the browser keeps */
  readonly args: (url: string, folder: string) => string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The program of a display to draw on that nobody sees. */
  readonly display?: string;
}

/**
 * A browser that is given an address when it starts and ended when the tests are done: enough to run tests in those
 * that Playwright has no driver for. Tests in it cannot mock modules, click or type.
 */
export function launchedBrowser(launch: Launch): BrowserProviderOption {
  const providerFactory = (): BrowserProvider => {
    const started: ChildProcess[] = [];
    const folder = mkdtempSync(join(tmpdir(), "dilated-browser-"));
    const close = (): void => {
      process.off("exit", close);
      for (const child of started.splice(0).reverse()) child.kill();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    };
    process.once("exit", close);
    return {
      name: "launched",
      supportsParallelism: false,
      getCommandsContext: () => ({}),
      openPage: async (_session, url) => {
        const DISPLAY = launch.display && (await startDisplay(launch.display, started));
        const env = {
          ...process.env,
          HOME: folder,
          XDG_RUNTIME_DIR: folder,
          ...launch.env,
          ...(DISPLAY ? { DISPLAY } : {}),
        };
        started.push(spawn(launch.program, launch.args(url, folder), { env, stdio: "ignore" }));
      },
      close,
    };
  };
  // What stays of Playwright's is the server, which is Vitest's own.
  return { ...playwright(), name: "launched", supportedBrowser: [], providerFactory };
}

/** Starts an X server on the first display that is free, and gives that. */
function startDisplay(program: string, started: ChildProcess[]): Promise<string> {
  const args = ["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  started.push(child);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} ended with code ${code}`)));
    child.stdout.once("data", (text) => resolve(`:${String(text).trim()}`));
  });
}

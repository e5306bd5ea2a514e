import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { launchedBrowser } from "./launched-browser.ts";

it("starts a program with the address and an empty folder, and ends it", async () => {
  const note = join(mkdtempSync(join(tmpdir(), "launched-")), "note");
  const script = `require("fs").writeFileSync(${JSON.stringify(note)}, JSON.stringify([process.pid, ...process.argv.slice(1)]));
    setInterval(() => {}, 1000)`;
  const args = (url: string, folder: string) => ["-e", script, url, folder];
  const { providerFactory } = launchedBrowser({ program: process.execPath, args });
  const provider = providerFactory({} as never);
  await provider.openPage("session", "http://localhost/", { parallel: false });
  const [pid, url, folder] = await vi.waitFor(() => JSON.parse(readFileSync(note, "utf8")), { timeout: 300_000 });
  expect(url).toBe("http://localhost/");
  expect(existsSync(folder)).toBe(true);
  await provider.close();
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), { timeout: 300_000 });
  expect(existsSync(folder)).toBe(false);
  rmSync(join(note, ".."), { recursive: true });
});

import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Launch } from "./launched-browser.ts";

const LIBRARIES = "/usr/lib";

/** What to say where one is missing. */
export const NOT_FOUND = {
  webkit: "there is no WebKitGTK: install libwebkit2gtk-4.1-0 and xvfb, or set DILATED_WEBKIT to a MiniBrowser",
  firefox: "there is no Firefox: install firefox-esr or set DILATED_FIREFOX",
} as const;

/** WebKitGTK's own small browser, and an X server for it. */
export function findWebKit(): Launch | undefined {
  const folders = existsSync(LIBRARIES) ? readdirSync(LIBRARIES) : [];
  const programs = folders.map((folder) => join(LIBRARIES, folder, "webkit2gtk-4.1/MiniBrowser"));
  const program = [process.env.DILATED_WEBKIT, ...programs].find((path) => path !== undefined && existsSync(path));
  const display = onPath("Xvfb");
  if (program === undefined || display === undefined) return undefined;
  // Safari gives SharedArrayBuffer to isolated pages; WebKitGTK does when told to.
  const env = { JSC_useSharedArrayBuffer: "1", LIBGL_ALWAYS_SOFTWARE: "1", GDK_BACKEND: "x11" };
  return { program, display, args: (url) => ["--private", url], env };
}

export function findFirefox(): Launch | undefined {
  const given = process.env.DILATED_FIREFOX;
  const program = given !== undefined && existsSync(given) ? given : (onPath("firefox-esr") ?? onPath("firefox"));
  if (program === undefined) return undefined;
  return { program, args: (url, folder) => ["--headless", "--no-remote", "--profile", folder, url] };
}

function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find(existsSync);
}

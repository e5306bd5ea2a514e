// Finds the WebGPU adapter that Dawn gets on this machine: a GPU, Mesa's lavapipe, or the SwiftShader of an npm package.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { swiftshaderEnvironment } from "./swiftshader.mjs";

const OLDEST_MESA = 25; // earlier lavapipes miscompile or refuse some of the kernels

/**
 * @typedef {{ vendor: string, architecture: string, description: string, f16: boolean }} AdapterInfo
 * @typedef {{ info: AdapterInfo, env: Record<string, string> }} FoundAdapter `env` must be set before a process starts.
 */

/**
 * @param {"any" | "system" | "swiftshader"} [wanted] From the variable DILATED_ADAPTER, for testing one of them.
 * @returns {FoundAdapter | undefined}
 */
export function findAdapter(wanted = requested()) {
  if (wanted !== "swiftshader") {
    const info = probe({});
    if (info && !isOutdated(info)) return { info, env: {} };
  }
  if (wanted !== "system") {
    const env = swiftshaderEnvironment();
    const info = env && probe(env);
    if (info) return { info, env };
  }
  return undefined;
}

function requested() {
  const value = process.env.DILATED_ADAPTER ?? "any";
  if (value === "any" || value === "system" || value === "swiftshader") return value;
  throw new Error(`DILATED_ADAPTER is "${value}"; it takes "any", "system" or "swiftshader"`);
}

/** @param {AdapterInfo} info */
function isOutdated(info) {
  const mesa = /llvmpipe.*Mesa (\d+)\./.exec(info.description);
  return mesa !== null && Number(mesa[1]) < OLDEST_MESA;
}

/**
 * @param {Record<string, string>} env
 * @returns {AdapterInfo | null}
 */
function probe(env) {
  const script = fileURLToPath(new URL("probe.mjs", import.meta.url));
  try {
    const output = execFileSync(process.execPath, [script], {
      env: { ...process.env, ...env },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"], // Dawn explains at length why there is no driver
      timeout: 60_000,
    });
    return JSON.parse(output.trim().split("\n").at(-1) ?? "null");
  } catch {
    return null; // a driver that crashes its process is no driver
  }
}

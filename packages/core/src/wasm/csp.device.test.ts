import { describe, expect, it } from "vitest";
import { hasWasm } from "./test-utils/module.ts";

const PROGRAM = new URL("./test-utils/in-frame.ts", import.meta.url).href;
/**
 * What a page needs beside its own scripts, as docs/security.md has it. Vite's scripts have styles to add and a server
 * to talk to.
 */
const POLICY = { "default-src": "'none'", "script-src": "'self' 'wasm-unsafe-eval'", "worker-src": "blob:" };

/** Runs the program in a frame under a policy: what the device says of itself, and what it computed. */
async function under(policy: Readonly<Record<string, string>>): Promise<unknown> {
  const text = Object.entries(policy)
    .map(([name, value]) => `${name} ${value}`)
    .join("; ");
  const frame = document.createElement("iframe");
  frame.srcdoc = `<!doctype html><meta http-equiv="Content-Security-Policy" content="${text}"><script type="module" src="${PROGRAM}"></script>`;
  const answer = new Promise((resolve) => {
    addEventListener("message", (event) => event.source === frame.contentWindow && resolve(event.data));
  });
  document.body.append(frame);
  try {
    return await answer;
  } finally {
    frame.remove();
  }
}

describe.runIf(hasWasm && typeof document !== "undefined")("a page with a Content-Security-Policy", () => {
  const { "worker-src": _, ...withoutWorkers } = POLICY;

  it("needs no more than wasm-unsafe-eval and worker-src blob:", async () => {
    expect(await under(POLICY)).toEqual({ threads: 2, reason: "asked for", sum: [3, 5, 7] });
  });

  it("has one thread where it may not start workers", async () => {
    const reason = expect.stringMatching(/one thread, because workers could not start: .*Content-Security-Policy/);
    expect(await under(withoutWorkers)).toEqual({ threads: 1, reason, sum: [3, 5, 7] });
  });

  it("says what to allow where it may not compile", async () => {
    expect(await under({ ...POLICY, "script-src": "'self'" })).toEqual({
      error: expect.stringMatching(
        /^FeatureError: openDevice: WebAssembly is not allowed here.*add 'wasm-unsafe-eval'/s,
      ),
    });
  });
});

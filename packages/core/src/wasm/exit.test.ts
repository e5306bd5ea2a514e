import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { assets } from "@dilated-internal/config/tsup";
import { build } from "tsup";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// What only a process of its own can show: that worker threads neither keep it alive nor let it end while someone waits.
const folder = mkdtempSync(join(tmpdir(), "dilated-exit-"));

beforeAll(async () => {
  await build({
    entry: { core: fileURLToPath(new URL("../index.ts", import.meta.url)) },
    tsconfig: fileURLToPath(new URL("../../tsconfig.json", import.meta.url)),
    config: false,
    silent: true,
    format: ["esm"],
    target: "es2022",
    platform: "node",
    outDir: folder,
    outExtension: () => ({ js: ".mjs" }),
    external: ["webgpu"],
    noExternal: ["#platform"],
    esbuildPlugins: [assets],
    esbuildOptions: (options) => {
      options.conditions = ["@dilated/source", "node"];
    },
  });
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

async function run(name: string, body: string): Promise<string> {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(
    file,
    `import { openDevice, fill } from "./core.mjs";\nconst device = await openDevice({ backend: "wasm", threads: 2 });\n${body}`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000 });
  return stdout.trim();
}

describe("a process that used threads", { timeout: 30_000 }, () => {
  it("ends by itself without dispose", async () => {
    expect(await run("plain", "console.log((await device.full([8], 3).data())[7]);")).toBe("3");
  });

  it("ends with work queued that nobody waits for", async () => {
    expect(
      await run(
        "unread",
        'const x = device.zeros([1e6]); for (let i = 0; i < 3000; i++) fill(x, i); console.log("queued");',
      ),
    ).toBe("queued");
  });

  it("stays until what is awaited is there", async () => {
    const body =
      "const x = device.zeros([2e6]); for (let i = 0; i < 500; i++) fill(x, i); x.data().then((data) => console.log(data[5]));";
    expect(await run("awaited", body)).toBe("499");
  });

  it("ends after dispose, with an exit in the middle of a kernel", async () => {
    expect(
      await run(
        "disposed",
        'const x = device.zeros([2e6]); for (let i = 0; i < 900; i++) fill(x, i); device.dispose(); console.log("disposed");',
      ),
    ).toBe("disposed");
  });
});

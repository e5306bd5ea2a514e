import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
  symlinkSync(fileURLToPath(new URL("../../node_modules", import.meta.url)), join(folder, "node_modules")); // Dawn
});

afterAll(() => rmSync(folder, { recursive: true }));

async function run(
  name: string,
  body: string,
  open = 'const device = await openDevice({ backend: "wasm", threads: 2 });',
): Promise<string> {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, `import { openDevice, fill } from "./core.mjs";\n${open}\n${body}`);
  const { stdout } = await promisify(execFile)(process.execPath, [file]);
  return stdout.trim();
}

it.each([
  ["one thread", { backend: "wasm", threads: 1 }],
  ["threads", { backend: "wasm", threads: 2 }],
  ["WebGPU", { backend: "webgpu", allowSoftware: true }],
])("a process that used %s, and waits for nothing more, ends by itself without dispose", async (name, options) => {
  const body = `
    const used = await openDevice(${JSON.stringify(options)}).catch(({ code }) => void console.log(code));
    if (used) console.log((await used.full([8], 3).data())[7]);
    used?.full([8], 4);`;
  const adapter = name !== "WebGPU" ? "3" : expect.stringMatching(/^(3|DEVICE)$/); // not every machine has one
  expect(await run(name.replace(" ", "-"), body, "")).toEqual(adapter);
});

describe("a process that used threads", () => {
  it("stays as large as it is over many devices, disposed or not in the middle of work", async () => {
    const body = `
      const rss = () => process.memoryUsage().rss / 2 ** 20;
      let early = 0;
      for (let i = 1; i <= 16; i++) {
        const other = await openDevice({ backend: "wasm", threads: 1 + (i % 2) });
        const x = other.full([4_000_000], i);
        if ((await x.data())[7] !== i) throw new Error("wrong");
        if (i % 3 === 0) fill(x, 0);
        other.dispose();
        if (i === 4) early = rss();
      }
      console.log(rss() - early < 150 ? "flat" : rss() - early);`; // 12 devices of 16 MB and more
    expect(await run("cycles", body)).toBe("flat");
  });

  it("goes on when a thread dies in the middle of a profile", async () => {
    const body = `
      const { Worker } = await import("node:worker_threads");
      const workers = [];
      const ref = Worker.prototype.ref;
      Worker.prototype.ref = function () { workers.push(this); return ref.call(this); };
      const other = await openDevice({ backend: "wasm", threads: 2 });
      const x = other.zeros([3e6]);
      const profile = other.profile(() => { for (let i = 0; i < 2000; i++) fill(x, i); });
      const read = x.data();
      workers[0].terminate();
      const [a, b] = await Promise.allSettled([profile, read]);
      console.log(a.reason?.code, b.reason?.code, (await device.full([2], 5).data())[1]);`;
    expect(await run("killed", body)).toBe("DEVICE_LOST DEVICE_LOST 5");
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

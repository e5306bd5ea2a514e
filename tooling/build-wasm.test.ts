import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildWasm } from "./build-wasm.mjs";

const kernel = `
export function scale(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params);
  for (let i = begin; i < end; i++) {
    const at = x + (<usize>i << 4), two = f32x4.splat(2), value = v128.load(at);
    // @ts-ignore: given by the build
    if (RELAXED) v128.store(at, f32x4.relaxed_madd(value, two, f32x4.splat(0)));
    else v128.store(at, f32x4.mul(value, two));
  }
}`;

describe("buildWasm", () => {
  let folder: string;
  let name: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dilated-wasm-"));
    name = folder.split("/").at(-1) ?? "";
    mkdirSync(join(folder, "assembly"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (source: string) => writeFileSync(join(folder, "assembly/index.ts"), source);

  it("compiles a kernel against one shared memory, and compiles again only when the source changes", async () => {
    write(kernel);
    expect(await buildWasm(folder)).toMatch(/simd \d+ bytes.*relaxed \d+ bytes/);
    expect(await buildWasm(folder)).toBeUndefined();

    const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
    const bytes = readFileSync(join(folder, "build", `${name}.simd.wasm`));
    const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
    new Uint32Array(memory.buffer, 1024, 1)[0] = 2048; // params: the address of x
    const x = new Float32Array(memory.buffer, 2048, 8).fill(3);
    (instance.exports.scale as (...words: number[]) => void)(1024, 1, 2, 4096);
    expect([...x]).toEqual([3, 3, 3, 3, 6, 6, 6, 6]);

    // Static data that would reach into the tensors' memory is refused.
    const table = Array.from({ length: 300 }, (_, i) => i).join(",");
    write(
      `const table = memory.data<u32>([${table}]);\nexport function f(i: i32): u32 { return load<u32>(table + i); }`,
    );
    await expect(buildWasm(folder)).rejects.toThrow(/static data up to byte 1264; 1024 are reserved/);
  });

  it("says where AssemblyScript found an error", async () => {
    write("export function f(): i32 { return nothing; }");
    await expect(buildWasm(folder)).rejects.toThrow(/Cannot find name 'nothing'[\s\S]*assembly\/index.ts\(1,/);
  });
});

import { inject } from "vitest";
import { defineKernel } from "../../kernel/define.ts";
import type { KernelDefinition, WasmModule } from "../../kernel/definition.ts";

/** True where this project tests WebAssembly. */
export const hasWasm: boolean = inject("backend") === "wasm";

// Bodies of (p: params, b: begin, e: end, s: scratch), locals 0 to 3, in WebAssembly bytes.
const GET_P = [0x20, 0];
const GET_B = [0x20, 1];
const LOAD = [0x28, 2, 0];
const STORE = [0x36, 2, 0];
const ITEM_BYTES = [...GET_B, 0x41, 2, 0x74]; // b << 2
const OUT = [...GET_P, ...LOAD, ...ITEM_BYTES, 0x6a]; // p[0] + 4·b
const ITEM_OF = (word: number) => [...GET_P, 0x28, 2, word, ...ITEM_BYTES, 0x6a, 0x2a, 2, 0]; // f32 at p[word] + 4·b
const EACH = (body: number[]) => [
  ...[0x02, 0x40, 0x03, 0x40, ...GET_B, 0x20, 2, 0x4e, 0x0d, 1], // block loop; leave when b >= e
  ...body,
  ...[...GET_B, 0x41, 1, 0x6a, 0x21, 1, 0x0c, 0, 0x0b, 0x0b], // b += 1; again
];

type Entry = "multiply" | "count" | "echo" | "whereScratch" | "trap" | "forever";

const bodies: Readonly<Record<Entry, number[]>> = {
  /** out[item] += 1 */
  count: EACH([...OUT, ...OUT, ...LOAD, 0x41, 1, 0x6a, ...STORE]),
  /** out[item] = word `item` of the parameters */
  echo: EACH([...OUT, ...GET_P, ...ITEM_BYTES, 0x6a, ...LOAD, ...STORE]),
  /** y[item] = a[item] · b[item], f32 */
  multiply: EACH([...OUT, ...ITEM_OF(4), ...ITEM_OF(8), 0x94, 0x38, 2, 0]),
  /** out[item] = address of the scratch */
  whereScratch: EACH([...OUT, 0x20, 3, ...STORE]),
  trap: [0x00],
  forever: [0x03, 0x40, 0x0c, 0, 0x0b],
};

const text = (name: string) => [name.length, ...new TextEncoder().encode(name)];
const section = (id: number, content: number[]) => [
  id,
  (content.length & 0x7f) | 0x80,
  content.length >> 7,
  ...content,
];
const names = Object.keys(bodies) as Entry[];

function assemble(): Uint8Array {
  const code = names.map((name) => [0, ...bodies[name], 0x0b]).map((body) => [body.length, ...body]);
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 0]),
    ...section(2, [1, ...text("env"), ...text("memory"), 2, 3, 1, 0x80, 0x80, 4]),
    ...section(3, [names.length, ...names.map(() => 0)]),
    ...section(7, [names.length, ...names.flatMap((name, i) => [...text(name), 0, i])]),
    ...section(10, [names.length, ...code.flat()]),
  ]);
}

const bytes = assemble();
export const testModule: WasmModule = { name: "test", simd: bytes, relaxed: bytes };

/** A kernel of the test module; `extra` scalars are called w0, w1, ... */
export function testKernel(entry: Entry, extra = 0): KernelDefinition<"y", string> {
  const scalars = Object.fromEntries(Array.from({ length: extra }, (_, i) => [`w${i}`, "u32" as const]));
  return defineKernel<"y", string>({
    name: `test_${entry}`,
    tensors: { y: { access: "read_write", view: "raw" } },
    scalars,
    wasm: { module: testModule, entry },
  });
}

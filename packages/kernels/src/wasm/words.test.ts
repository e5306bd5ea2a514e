import type { KernelDefinition } from "@dilated/core";
import { describe, expect, it } from "vitest";
import { CPU_WORDS } from "../attention/schedule/schedule.ts";
import { attentionBackward, attentionForward, attentionRowDot } from "../attention/wasm/kernels.ts";
import { TABLE_WORDS } from "../attention/wasm/layout.ts";
import { attentionMerge } from "../attention/webgpu/merge/merge.ts";

const FILE = "../../assembly/words.ts";
const HEAD = `// Written by \`npx vitest run --project unit packages/kernels/src/wasm --update\` from the kernels' definitions: not to be edited.
`;

/** The kernels whose words have names in AssemblyScript. */
const KERNELS: readonly KernelDefinition[] = [attentionForward, attentionBackward, attentionRowDot, attentionMerge];

describe("the words of a kernel", () => {
  it("are in AssemblyScript what its definition says", async () => {
    const tables = Object.entries(TABLE_WORDS).map(([name, fields]) =>
      structure(
        name,
        `An entry of a table of the CPU's kernels; see CPU_WORDS.`,
        fields.map((field) => [field, "i32"]),
      ),
    );
    await expect([HEAD, ...KERNELS.map(kernelStructure), ...tables].join("\n")).toMatchFileSnapshot(FILE);
  });

  it("of a table are as many as its makers write", () => {
    const counts = { run: TABLE_WORDS.run.length, chunk: TABLE_WORDS.chunk.length, block: 2 * TABLE_WORDS.run.length };
    expect(counts).toEqual(CPU_WORDS);
  });
});

/**
 * Words as a structure: what lies in memory is an address for each tensor, 0 for one that is left out, then the
 * scalars.
 */
function kernelStructure({ name, tensors, scalars, wasm }: KernelDefinition): string {
  return structure(wasm?.entry ?? name, `Kernel \`${name}\`.`, [
    ...Object.keys(tensors).map((field) => [field, "usize"] as const),
    ...Object.entries(scalars).map(([field, type]) => [field, type === "f32" ? "f32" : "i32"] as const),
  ]);
}

function structure(name: string, comment: string, fields: readonly (readonly [name: string, type: string])[]): string {
  const camel = (text: string): string => text.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const lines = fields.map(([field, type]) => `  ${camel(field)}: ${type};`);
  const title = `${name[0]?.toUpperCase()}${name.slice(1)}Words`;
  return [`/** ${comment} */`, "@unmanaged", `export class ${title} {`, ...lines, "}", ""].join("\n");
}

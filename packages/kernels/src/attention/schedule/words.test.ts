import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

// The engine is given a schedule and knows nothing of patterns: what it says of one of them would have to be said of
// the next one, too.

const attention = fileURLToPath(new URL("..", import.meta.url));
const assembly = fileURLToPath(new URL("../../../assembly", import.meta.url));

/** Rooms and files that serve any schedule. */
const ENGINE: readonly string[] = [
  ...filesIn(join(attention, "webgpu")),
  ...filesIn(join(attention, "wasm")),
  join(attention, "schedule/schedule.ts"),
  join(attention, "oracle/reference.ts"),
  join(attention, "oracle/half.ts"),
  join(attention, "engine.ts"),
  join(attention, "op/operation.ts"),
  ...filesIn(assembly).filter((file) => /\/attention[^/]*$/.test(file)),
];

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|wgsl)$/.test(entry.name) && !entry.name.endsWith(".test.ts"))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Names of packages are no words. */
const words = (text: string): string[] =>
  text.replaceAll(/@dilated[\w-]*/g, "").match(/\w*(?:dilat|segment)\w*/gi) ?? [];

describe("no word of dilation outside its own schedule", () => {
  it.each(ENGINE.map((file) => [file.slice(attention.length), file] as const))("%s", (_, file) => {
    expect(words(readFileSync(file, "utf8"))).toEqual([]);
  });

  it("looks at every engine's files", () => {
    expect(ENGINE.length).toBeGreaterThan(30);
  });
});

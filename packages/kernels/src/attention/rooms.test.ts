import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

/** Rooms from the ground up: each imports only what lies below it. */
const ROOMS = ["pattern", "schedule", "engine.ts", "webgpu wasm", "op", "oracle"].map((floor) => floor.split(" "));

const attention = fileURLToPath(new URL(".", import.meta.url));

const roomOf = (path: string): string => path.split("/")[0] ?? "";
const floorOf = (room: string): number => ROOMS.findIndex((floor) => floor.includes(room));

it("no import of the attention folder goes up, nor to the room beside", () => {
  const upwards: string[] = [];
  let seen = 0;
  for (const entry of readdirSync(attention, { recursive: true, withFileTypes: true })) {
    const path = relative(attention, join(entry.parentPath, entry.name));
    if (!path.endsWith(".ts") || path.endsWith(".test.ts") || floorOf(roomOf(path)) < 0) continue;
    for (const [, to = ""] of readFileSync(join(attention, path), "utf8").matchAll(/from "(\.[^"]*)"/g)) {
      const imported = relative(attention, join(attention, path, "..", to));
      const [from, into] = [roomOf(path), roomOf(imported)];
      if (from === into || imported.startsWith("..")) continue;
      seen++;
      if (!(floorOf(into) >= 0 && floorOf(into) < floorOf(from))) upwards.push(`${path} -> ${imported}`);
    }
  }
  expect(upwards).toEqual([]);
  expect(seen).toBeGreaterThan(20);
});

import { residentBytes } from "@dilated-internal/testing/resident-bytes";
import { expect, inject, test } from "vitest";
import { openDevice } from "../device/open.ts";

// Devices of their own, not the one that tests borrow; only in Node can the process be asked for its memory, and be
// made to collect what nobody holds.
const inNode = inject("backend") === "webgpu" && "process" in globalThis;
const openings = inNode && process.env.DILATED_FAULTS === "all" ? 50 : 10;
const MIB = 2 ** 20;

test.runIf(inNode)("one opening of a device after another takes no more memory late than early", async () => {
  const measure = (await residentBytes()) as () => number;
  const resident: number[] = [];
  for (let i = 0; i < openings; i++) {
    const device = await openDevice({ backend: "webgpu", allowSoftware: true });
    using tensor = device.full([4 * MIB], i);
    expect((await tensor.data())[1]).toBe(i);
    device.dispose();
    await new Promise((resolve) => setImmediate(resolve)); // what was cancelled is told
    resident.push(measure());
  }
  // A device that stayed would keep its 16 MiB.
  const grown = Math.min(...resident.slice(-3)) - Math.min(...resident.slice(3, 6));
  expect(grown).toBeLessThan(48 * MIB);
});

import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { foldGroups, MAX_GROUPS_PER_AXIS, splitGroups } from "./dispatch.ts";

describe("foldGroups", () => {
  test.prop([fc.integer({ min: 1, max: 2 ** 32 - 1 })])("covers the count within the limits", (count) => {
    const [x, y, z] = foldGroups(count);
    expect(Math.max(x, y, z)).toBeLessThanOrEqual(MAX_GROUPS_PER_AXIS);
    expect(x * y * z).toBeGreaterThanOrEqual(count);
    expect(x * y * z - count).toBeLessThan(y * z);
  });

  test("uses z when x and y are full", () => {
    expect(foldGroups(1000, 10)).toEqual([10, 10, 10]);
    expect(() => foldGroups(1001, 10)).toThrow(/do not fit/);
  });
});

test.prop([fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 6000 })])(
  "splitGroups is a partition",
  (groups, parts) => {
    const pieces = splitGroups(groups, parts, 50);
    expect(pieces.length).toBeLessThanOrEqual(Math.min(parts, groups));
    expect(pieces.every(({ begin, end }, i) => begin < end && begin === (pieces[i - 1]?.end ?? 0))).toBe(true);
    expect(pieces.at(-1)?.end).toBe(groups);
  },
);

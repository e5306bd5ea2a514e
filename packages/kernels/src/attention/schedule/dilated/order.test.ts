import { describe, expect, it } from "vitest";
import { resolveAttentionOptions } from "../../pattern/options.ts";
import { tileOrder } from "./order.ts";
import { planTiles, TILE_WORDS } from "./tiles.ts";

const LADDER = [
  { segment: 64, dilation: 1 },
  { segment: 128, dilation: 2 },
  { segment: 256, dilation: 4 },
];

function orderOf(N: number, role: "query" | "key", causal = false, branches = LADDER, G = 4) {
  const [q, kv] = [
    [1, N, 4, 16],
    [1, N, G, 16],
  ];
  const resolved = resolveAttentionOptions("test", { q, k: kv, v: kv } as never, { branches, causal });
  const [group] = planTiles(resolved, role, { rows: 16 }).groups;
  return { order: group && tileOrder(resolved, group, role, role === "key" ? G : 4), group };
}

describe("tileOrder", () => {
  it.each(["query", "key"] as const)("is a permutation of a block that divides the launch, %s", (role) => {
    for (const N of [256, 4096, 65_536]) {
      const { order, group } = orderOf(N, role);
      expect(order, `N = ${N}`).toBeDefined();
      expect([...(order?.pairs ?? [])].sort((a, b) => a - b)).toEqual(
        Array.from({ length: (order?.tiles ?? 0) * 4 }, (_, i) => i),
      );
      expect((group?.count ?? 0) % (order?.tiles ?? 1)).toBe(0);
    }
  });

  it("begins with the pairs that visit most: residue 0 of head 0 is in every branch", () => {
    const { order, group } = orderOf(256, "query");
    const first = order?.pairs[0] ?? -1;
    const row = (group?.tiles[Math.floor(first / 4) * TILE_WORDS] ?? -1) % 4;
    expect(row % 4).toBe(first % 4);
  });

  it("puts the last queries and the first keys first when causal and alike otherwise", () => {
    const dense = [{ segment: 256, dilation: 1 }];
    expect(orderOf(256, "query", true, dense).order?.pairs[0]).toBe(15 * 4);
    expect(orderOf(256, "key", true, dense).order?.pairs[0]).toBe(0);
  });

  it("leaves tiles that cost the same as they come", () => {
    expect(orderOf(256, "query", false, [{ segment: 64, dilation: 1 }]).order).toBeUndefined();
  });
});

import { attentionFlops, type Branch } from "@dilated/kernels";

/** What is compared. */
export const PATTERNS = ["dilated", "local", "dense"] as const;

export type PatternName = (typeof PATTERNS)[number];

/** A pattern of attention, and what it costs and reaches. */
export interface Pattern {
  readonly name: PatternName;
  readonly branches: readonly Branch[];
  /** (query, key) pairs of one layer, all heads. */
  readonly pairs: number;
  /** Share of the places before the last token that it can hear from, through all layers. */
  readonly reach: number;
}

/** Sizes that decide the patterns. */
export interface PatternSizes {
  /** N: a power of two. */
  readonly length: number;
  /** H: a power of two; {@link headsFor} the length. */
  readonly heads: number;
  readonly layers: number;
}

/** The most heads, a power of two, with which the shortest segment of {@link dilatedBranches} still holds every residue. */
export function headsFor(length: number): number {
  let heads = 2;
  while (shortestSegment(length, 2 * heads) >= 2 * heads) heads *= 2;
  return heads;
}

const shortestSegment = (length: number, heads: number): number => length / (2 * heads ** 2);

/** The patterns at these sizes. Local attention gets the shortest segment (a power of two) that costs no less than dilated attention. */
export function patternsFor(sizes: PatternSizes): Record<PatternName, Pattern> {
  const { length } = sizes;
  const make = (name: PatternName, branches: readonly Branch[]): Pattern => ({
    name,
    branches,
    pairs: pairsOf(branches, sizes),
    reach: reachOf(branches, sizes),
  });
  const dilated = make("dilated", dilatedBranches(sizes));
  let segment = 2;
  while (segment < length && pairsOf(oneBranch(segment), sizes) < dilated.pairs) segment *= 2;
  return { dilated, local: make("local", oneBranch(segment)), dense: make("dense", oneBranch(length)) };
}

/**
 * Dilations 1, 2, 4, ... up to the number of heads, so that every token has a head of its residue in every branch; segments a quarter of each
 * other down from the whole sequence, the shortest halved once more: N = 1024, H = 8 -> (8, 1) (64, 2) (256, 4) (1024, 8).
 */
function dilatedBranches({ length, heads }: PatternSizes): Branch[] {
  const dilations = Array.from({ length: Math.log2(heads) + 1 }, (_, i) => 2 ** i);
  const segmentOf = (dilation: number): number => length * (dilation / heads) ** 2;
  return dilations.map((dilation) => ({
    segment: dilation === 1 ? shortestSegment(length, heads) : segmentOf(dilation),
    dilation,
  }));
}

const oneBranch = (segment: number): Branch[] => [{ segment, dilation: 1 }];

function pairsOf(branches: readonly Branch[], { length, heads }: PatternSizes): number {
  return attentionFlops({ N: length, H: heads, D: 1 }, { branches, causal: true }).exact / 4;
}

/**
 * Share of the tokens before the last one that the last one can hear from: keys of its keys, once a layer. A token sees, in a branch, the earlier tokens of
 * its residue in its segment, through the heads of that offset.
 */
function reachOf(branches: readonly Branch[], { length, layers }: PatternSizes): number {
  const heard = new Uint8Array(length);
  let front = [length - 1];
  for (let layer = 0; layer < layers; layer++) {
    const next: number[] = [];
    for (const t of front) {
      for (const { segment, dilation } of branches) {
        const start = t - (t % segment);
        for (let u = t - dilation; u >= start; u -= dilation) {
          if (heard[u] === 1) continue;
          heard[u] = 1;
          next.push(u);
        }
      }
    }
    front = [...front, ...next];
  }
  return heard.reduce((sum, one) => sum + one, 0) / (length - 1);
}

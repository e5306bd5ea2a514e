import type { Orf } from "./orfs.ts";

/** What a base belongs to: no frame, one of the forward strand, one of the reverse strand. */
export const CLASSES = ["non-coding", "coding+", "coding-"] as const;

/** The class of each of N bases, as its index in {@link CLASSES}. */
export function labelBases(N: number, orfs: readonly Orf[]): Uint8Array {
  const labels = new Uint8Array(N);
  for (const { start, end, strand } of orfs) labels.fill(strand === "+" ? 1 : 2, start, end);
  return labels;
}

/** Labels of the other strand, read in its own direction. */
export function reverseLabels(labels: Uint8Array): Uint8Array {
  return Uint8Array.from(labels, (_, i) => {
    const label = labels[labels.length - 1 - i] as number;
    return label === 0 ? 0 : 3 - label;
  });
}

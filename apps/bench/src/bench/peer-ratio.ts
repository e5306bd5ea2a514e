import { type Row, taskKey } from "./row.ts";

/** PyTorch as it runs without compilation, with FlashAttention-2: the peer of the published comparisons. */
export const PEER: RegExp = /^PyTorch \((torchscale|eager|SDPA, [Fm]|cuBLAS)/;

/** PyTorch in every form that is timed, compiled ones included. */
export const ANY_PEER: RegExp = /^PyTorch/;

/** How many times faster than the fastest of these peers each row of ours is that has one in the same suite. */
export function peerRatios(rows: readonly Row[], who: RegExp = PEER): Map<Row, number> {
  const key = (row: Row): string => `${row.suite} ${taskKey(row)}`;
  const peers = new Map<string, number>();
  for (const row of rows)
    if (who.test(row.who) && row.ms) peers.set(key(row), Math.min(row.ms, peers.get(key(row)) ?? row.ms));
  const ratios = new Map<Row, number>();
  for (const row of rows) {
    const peer = peers.get(key(row));
    if (row.who.startsWith("dilated") && row.op && row.ms && peer) ratios.set(row, peer / row.ms);
  }
  return ratios;
}

import { type Row, taskKey } from "./row.ts";

/** The peer that ratios are taken to: PyTorch as people run it, without compilation. */
export const PEER: RegExp = /^PyTorch \((torchscale|eager|SDPA|cuBLAS)/;

/** How many times faster than the peer each row of ours is that has one in the same suite. */
export function peerRatios(rows: readonly Row[]): Map<Row, number> {
  const key = (row: Row): string => `${row.suite} ${taskKey(row)}`;
  const peers = new Map(rows.filter(({ who }) => PEER.test(who)).map((row) => [key(row), row.ms]));
  const ratios = new Map<Row, number>();
  for (const row of rows) {
    const peer = peers.get(key(row));
    if (row.who.startsWith("dilated") && row.op && row.ms && peer) ratios.set(row, peer / row.ms);
  }
  return ratios;
}

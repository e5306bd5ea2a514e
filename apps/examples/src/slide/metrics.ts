/** Area under the ROC curve: how often an abnormal slide scores higher than a healthy one; ties count half. */
export function auc(abnormal: readonly number[], healthy: readonly number[]): number {
  let wins = 0;
  for (const a of abnormal) for (const b of healthy) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (abnormal.length * healthy.length);
}

/** The k tiles that score highest, best first. */
export function topTiles(scores: ArrayLike<number>, k: number): number[] {
  const tiles = Array.from({ length: scores.length }, (_, tile) => tile);
  return tiles.sort((a, b) => (scores[b] as number) - (scores[a] as number)).slice(0, k);
}

/** How many of the planted tiles are among as many highest-scoring ones. */
export function hits(scores: ArrayLike<number>, planted: Int32Array): number {
  return topTiles(scores, planted.length).filter((tile) => planted.includes(tile)).length;
}

/** A receiver operating characteristic: how many right hits a detector gets for how many false alarms, at every threshold. */
export interface Roc {
  /** Area under the curve: the probability that a positive scores higher than a negative. 0.5 is chance. */
  readonly auc: number;
  /** From (0, 0) to (1, 1). */
  readonly points: readonly { readonly falsePositives: number; readonly truePositives: number }[];
}

/**
 * @param scores - higher means more likely positive
 * @param labels - 1 positive, 0 negative
 * @param most - points kept of the curve
 */
export function rocOf(scores: ArrayLike<number>, labels: ArrayLike<number>, most = 200): Roc {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort(
    (a, b) => (scores[b] as number) - (scores[a] as number),
  );
  const positives = order.reduce((sum, i) => sum + (labels[i] as number), 0);
  const negatives = order.length - positives;
  const points = [{ falsePositives: 0, truePositives: 0 }];
  let [hits, alarms, area] = [0, 0, 0];
  for (let k = 0; k < order.length; ) {
    const [hitsBefore, alarmsBefore, score] = [hits, alarms, scores[order[k] as number]];
    // Equal scores pass a threshold together: a slanted piece of the curve.
    for (; k < order.length && scores[order[k] as number] === score; k++) {
      if (labels[order[k] as number] === 1) hits++;
      else alarms++;
    }
    area += ((alarms - alarmsBefore) * (hits + hitsBefore)) / 2;
    points.push({ falsePositives: alarms / negatives, truePositives: hits / positives });
  }
  return { auc: positives * negatives > 0 ? area / (positives * negatives) : Number.NaN, points: thin(points, most) };
}

/** Every n-th of a list, with its ends. */
function thin<T>(list: readonly T[], most: number): T[] {
  const step = Math.max(1, (list.length - 1) / (most - 1));
  const kept = Math.min(list.length, most);
  return Array.from({ length: kept }, (_, i) => list[Math.min(list.length - 1, Math.round(i * step))] as T);
}

/**
 * Gain of a decoder-only model with sub-LN: sqrt(log(2 M)) for M layers, on the value, output and feed-forward projections.
 *
 * @see MAGNETO (arXiv 2210.06423), table 2
 */
export function magnetoGain(layers: number): number {
  return Math.sqrt(Math.log(2 * layers));
}

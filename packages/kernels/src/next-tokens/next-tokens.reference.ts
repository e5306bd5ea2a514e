/** What is masked, as plain arrays. */
export interface NextTokensReference {
  readonly B: number;
  /** Tokens a row, N + 1. */
  readonly length: number;
  /** One value a token or, without the last column, one an input. */
  readonly keyMask?: readonly number[] | undefined;
  /** Where documents start; and the end, N + 1 or N. */
  readonly cuSeqlens?: readonly number[] | undefined;
}

/** Targets [B, N] of labels [B, N + 1]; -1 where nothing is predicted. */
export function nextTokensReference(labels: readonly number[], sizes: NextTokensReference): number[] {
  const { B, length, keyMask, cuSeqlens = [0, length] } = sizes;
  const masked = keyMask ? keyMask.length / B : 0;
  const starts = cuSeqlens.slice(0, -1);
  return Array.from({ length: B * (length - 1) }, (_, i) => {
    const [b, n] = [Math.floor(i / (length - 1)), i % (length - 1)];
    const real = (t: number): boolean => keyMask?.[b * masked + Math.min(t, masked - 1)] !== 0;
    const label = labels[b * length + n + 1] as number;
    return label === -100 || starts.includes(n + 1) || !real(n) || !real(n + 1) ? -1 : label;
  });
}

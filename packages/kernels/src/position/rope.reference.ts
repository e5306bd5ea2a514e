/** What the oracle rotates by; x is [B, N, H, D] row-major. */
export interface RotationReference {
  readonly shape: readonly [B: number, N: number, H: number, D: number];
  /** Position of token n of batch row b. */
  readonly position: (b: number, n: number) => number;
  readonly base: number;
  readonly interleaved: boolean;
  /** xPos: factor of pair j at a position; 1 for RoPE. */
  readonly scale?: (pair: number, position: number) => number;
}

/** y = scale · rotation(position · base^(-2j/D)) x in f64; `transpose` gives the gradient with respect to x. */
export function rotateReference(x: ArrayLike<number>, options: RotationReference, transpose = false): Float64Array {
  const { shape, position, base, interleaved, scale = () => 1 } = options;
  const [B, N, H, D] = shape;
  const y = new Float64Array(B * N * H * D);
  for (let b = 0; b < B; b++) {
    for (let n = 0; n < N; n++) {
      for (let h = 0; h < H; h++) {
        const row = ((b * N + n) * H + h) * D;
        for (let j = 0; j < D / 2; j++) {
          const [low, high] = interleaved ? [row + 2 * j, row + 2 * j + 1] : [row + j, row + j + D / 2];
          const p = position(b, n);
          const angle = p * base ** ((-2 * j) / D);
          const c = Math.cos(angle) * scale(j, p);
          const s = Math.sin(angle) * scale(j, p) * (transpose ? -1 : 1);
          const [x1, x2] = [Number(x[low]), Number(x[high])];
          y[low] = x1 * c - x2 * s;
          y[high] = x2 * c + x1 * s;
        }
      }
    }
  }
  return y;
}

/** torchscale's factor: ((2j + 0.4 D) / (1.4 D))^((position - centre) / scaleBase), inverted for keys. */
export function xposScale(
  D: number,
  scaleBase: number,
  centre: number,
  downscale: boolean,
): (pair: number, position: number) => number {
  return (j, position) => ((2 * j + 0.4 * D) / (1.4 * D)) ** (((downscale ? -1 : 1) * (position - centre)) / scaleBase);
}

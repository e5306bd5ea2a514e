import { LimitError, philox4x32 } from "@dilated/core";
import type { TokenBatch } from "../train/batch.ts";

/** How windows are drawn from a text. */
export interface ByteBatchOptions {
  /** N: context length. */
  readonly seq: number;
  /** B: windows a step. @defaultValue 1 */
  readonly batch?: number;
  /** @defaultValue 0 */
  readonly seed?: number;
}

/**
 * Random windows of a text, bytes as tokens: a function of (seed, step) alone, so that resuming sees the same windows.
 *
 * @throws LimitError when the text is shorter than one window.
 */
export function byteBatches(text: Uint8Array, options: ByteBatchOptions): (step: number) => TokenBatch {
  const { seq, batch = 1, seed = 0 } = options;
  const length = seq + 1;
  const starts = text.length - length + 1;
  if (starts < 1) {
    throw new LimitError(`byteBatches: a window of ${length} bytes does not fit into a text of ${text.length}`, {
      fix: `use seq <= ${text.length - 1}`,
    });
  }
  return (step) => {
    const tokens = new Int32Array(batch * length);
    for (let b = 0; b < batch; b++) {
      const [word = 0] = philox4x32([step >>> 0, b, 0, 0xda7a], [seed >>> 0, Math.floor(seed / 2 ** 32)]);
      const start = Math.floor((word / 2 ** 32) * starts);
      tokens.set(text.subarray(start, start + length), b * length);
    }
    return { tokens, shape: [batch, length] };
  };
}

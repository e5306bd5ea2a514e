import { AbortedError, DilatedError, LimitError, reshape } from "@dilated/core";
import { mean } from "@dilated/kernels";
import { estimate, type LongNetEncoder } from "@dilated/models";
import { kmerTokens } from "./kmers.ts";
import { WINDOW } from "./windows.ts";

/** How {@link embedSequence} works. */
export interface EmbedOptions {
  /** Bytes that tensors may take at once. */
  readonly memory: number;
  readonly signal?: AbortSignal;
  /** Called with the bases done. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What {@link embedSequence} gives. */
export interface Embedded {
  /** [windows, E], row by row: the mean hidden state of each {@link WINDOW} bases. */
  readonly vectors: Float32Array;
  readonly windows: number;
  /** Calls of the model; more than one where one would not fit into memory. */
  readonly calls: number;
}

/**
 * One forward pass over a sequence of any length. It is made in one call where memory allows. Else in calls of whole longest segments: no attention
 * crosses the edge of one and positions are relative, so the result is that of the one call (but for rounding), in bounded memory.
 *
 * @throws LimitError when not even one longest segment fits; AbortedError between calls.
 */
export async function embedSequence(
  model: LongNetEncoder,
  bases: Uint8Array,
  options: EmbedOptions,
): Promise<Embedded> {
  const { device, config } = model;
  const windows = Math.floor(bases.length / WINDOW);
  const total = windows * WINDOW;
  const ids = kmerTokens(bases); // before it is cut, so that no word is
  const vectors = new Float32Array(windows * config.dim);
  const block = blockFor(model, total, options.memory);
  let calls = 0;
  for (let start = 0; start < total; start += block) {
    if (options.signal?.aborted) {
      throw new AbortedError(
        `genome: stopped after ${start.toLocaleString("en")} of ${total.toLocaleString("en")} bases`,
        {
          cause: options.signal.reason,
        },
      );
    }
    const part = ids.subarray(start, Math.min(total, start + block));
    const pooled = device.scope(() => {
      const tokens = device.tensor(part, [1, part.length], { dtype: "i32", label: "bases" });
      return mean(reshape(model.forward(tokens), [part.length / WINDOW, WINDOW, config.dim]), { axis: 1 });
    });
    vectors.set((await pooled.data()) as Float32Array, (start / WINDOW) * config.dim);
    pooled.dispose();
    calls++;
    options.onProgress?.(start + part.length, total);
  }
  return { vectors, windows, calls };
}

/** Bases a call: all, or as many whole longest segments as fit. */
function blockFor({ device, config }: LongNetEncoder, total: number, memory: number): number {
  const longest = Math.max(...config.branches.map(({ segment }) => segment));
  const peak = (N: number): number => {
    try {
      return estimate({ kind: "longnet-encoder", ...config }, { N, device }).bytes.peak;
    } catch (error) {
      if (error instanceof DilatedError && error.code === "LIMIT") return Number.POSITIVE_INFINITY;
      throw error;
    }
  };
  for (let calls = 1; ; calls++) {
    const block = calls === 1 ? total : longest * Math.ceil(total / calls / longest);
    const needed = peak(block);
    if (needed <= memory) return block;
    if (block <= longest) {
      throw new LimitError("genome: not even one longest segment fits into memory", {
        details: [`needed: ${(needed / 2 ** 30).toFixed(2)} GiB`, `allowed: ${(memory / 2 ** 30).toFixed(2)} GiB`],
        fix: `raise --memory to ${Math.ceil(needed / 2 ** 30)}, or use a smaller --dim`,
      });
    }
  }
}

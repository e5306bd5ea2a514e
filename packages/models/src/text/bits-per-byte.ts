import type { LongNetLM } from "../longnet-lm/model.ts";

/**
 * Bits a byte that the model needs for `text`, read in consecutive windows of `seq` (each byte but the first is predicted once, from
 * what its window shows before it).
 */
export async function bitsPerByte(model: LongNetLM, text: Uint8Array, seq: number): Promise<number> {
  let nats = 0;
  let count = 0;
  for (let start = 0; start + 1 < text.length; start += seq) {
    const window = text.subarray(start, Math.min(text.length, start + seq + 1));
    if (window.length < 2) break;
    const loss = model.device.scope(() =>
      model.loss(model.device.tensor(Int32Array.from(window), [1, window.length], { dtype: "i32", label: "eval" })),
    );
    nats += (await loss.item()) * (window.length - 1);
    count += window.length - 1;
    loss.dispose();
  }
  return nats / count / Math.LN2;
}

/** Entropy of single bytes: what a model reaches that knows frequencies and nothing else. Bits a byte. */
export function unigramEntropy(text: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const byte of text) counts[byte] = (counts[byte] ?? 0) + 1;
  return counts.reduce((bits, n) => (n > 0 ? bits - (n / text.length) * Math.log2(n / text.length) : bits), 0);
}

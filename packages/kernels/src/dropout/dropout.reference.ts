import { philox4x32, RANDOM_DOMAINS, seedKey } from "@dilated/core";
import { type DropoutOptions, ELEMENTWISE_STREAM, thresholdOf } from "./dropout.ts";

/** keep ? x/(1 - p) : 0, in f64; its own gradient, with dy for x. */
export function dropoutReference(x: Float64Array, { p, seed, stream = 0 }: DropoutOptions): Float64Array {
  return x.map((value, e) => {
    const group = Math.floor(e / 4);
    const words = philox4x32(
      [group >>> 0, Math.floor(group / 2 ** 32), ELEMENTWISE_STREAM + stream, RANDOM_DOMAINS.dropout],
      seedKey(seed),
    );
    return (words[e % 4] ?? 0) >= thresholdOf(p) ? value / (1 - p) : 0;
  });
}
